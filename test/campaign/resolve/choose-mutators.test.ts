import { describe, expect, test } from '@jest/globals';
import { chooseMutators, pickShares } from '../../../src/campaign/resolve/choose-mutators.ts';
import {
  type RequestedMutators,
  requestedMutators,
} from '../../../src/campaign/resolve/requested-mutators.ts';
import type { ListSetting } from '../../../src/config/values.ts';
import type { InferredInput } from '../../../src/inputs/infer-input.ts';
import { MUTATORS } from '../../../src/mutators/registry.ts';
import { pictureTraits, traitsOf } from '../../support/mutators.ts';

const IMAGE = { ...pictureTraits(8, 8), name: 'image' };
const MASK = traitsOf({ name: 'mask', type: 'bool', size: 8 });
const INPUTS = [IMAGE, MASK];
const inferred = (kind: InferredInput['kind']): InferredInput => ({
  kind,
  kindReason: '',
  range: { low: 0, high: 1 },
  rangeReason: '',
  isRangeKnown: false,
  isFromModel: false,
  seedValue: undefined,
  stays: ['mask', 'state', 'selector'].includes(kind),
  splits: undefined,
});

/** Reads a setting for the two inputs. */
async function request(setting: ListSetting, kinds: InferredInput['kind'][] = ['image', 'flag']) {
  const specs = INPUTS.map(({ name, type }) => ({ name, type, shape: [8] }));
  return { requests: await requestedMutators(setting, specs, kinds.map(inferred)) };
}

const choose = async (
  setting: ListSetting,
  {
    keepsLabels = false,
    refusesMeaningChanges = false,
    isOnce = false,
    allowsOneGeometric = false,
    isKept = [false, false],
  } = {},
): Promise<string[][]> => {
  const { requests } = await request(setting);
  const keptOrNone = requests.map((mutators: RequestedMutators, i) => mutators === 'none' || isKept[i]);
  return chooseMutators(requests, INPUTS, keptOrNone, {
    keepsLabels,
    refusesMeaningChanges,
    isOnce,
    allowsOneGeometric,
  });
};

describe('changes that keep the meaning without a limit', () => {
  test('are mild ones of pictures', async () => {
    const [specs] = await choose('mask=none', { isOnce: true });
    expect(specs).toEqual(
      expect.arrayContaining(['fog:severity=1', 'fog:severity=2', 'rotate:most=10', 'translate:most=0.1']),
    );
    expect(specs.some((spec) => /severity=[^12]/.test(spec))).toBe(false);
    const setting = { image: ['fog:severity=2'], mask: 'none' };
    expect(await choose(setting, { isOnce: true })).toEqual([['fog:severity=2'], []]);
  });

  test('refuse other mutators, and inputs that take no pictures', async () => {
    const strong = choose({ image: ['fog:severity=3'], mask: 'none' }, { isOnce: true });
    await expect(strong).rejects.toThrow(/fog:severity=3 is not one of the changes/);
    await expect(choose({ mask: ['flip'] }, { isOnce: true })).rejects.toThrow(/input mask takes none/);
  });
});

describe('requests', () => {
  test('without a setting are the default mix, except for a mask beside other inputs', async () => {
    expect(await request(undefined)).toEqual({ requests: ['default', 'default'] });
    expect(await request(undefined, ['image', 'mask'])).toEqual({ requests: ['default', 'none'] });
  });

  test('without a name are not for the state of a recurrent network, nor for a selector', async () => {
    for (const kind of ['state', 'selector'] as const) {
      expect((await request('flip', ['image', kind])).requests[1]).toBe('none');
      expect((await request('mask=flip', ['image', kind])).requests[1]).toMatchObject([{ spec: 'flip' }]);
    }
    expect((await request('flip', ['image', 'mask'])).requests[1]).toMatchObject([{ spec: 'flip' }]);
  });

  test('name an input, or are for all, or of a group', async () => {
    const scopes = (requests: readonly RequestedMutators[]) =>
      requests.map((mutators) =>
        typeof mutators === 'string' ? mutators : mutators.map(({ scope }) => scope),
      );
    expect(scopes((await request(['image=gaussian', 'mask=none'])).requests)).toEqual([['own'], 'none']);
    expect(scopes((await request('gaussian')).requests)).toEqual([['all'], ['all']]);
    expect(scopes((await request('image=flags')).requests)[0]).toEqual(['group', 'group', 'group']);
  });

  test('of an unknown input, or both to stay and to change, are refused', async () => {
    await expect(request('imge=gaussian')).rejects.toThrow('the model has no input imge');
    await expect(request(['image=none', 'image=gaussian'])).rejects.toThrow(
      'cannot be both unchanged (none) and mutated',
    );
  });
});

describe('mutators', () => {
  test('that are requested for all inputs are used where they fit', async () => {
    expect(await choose(['rotate', 'flip'])).toEqual([['rotate', 'flip'], ['flip']]);
  });

  test('of an input that is kept are none', async () => {
    expect((await choose(undefined, { isKept: [false, true] }))[1]).toEqual([]);
  });

  test('of the default mix leave labels as they are where they must, requested ones need not', async () => {
    const changing = new Set(
      MUTATORS.list()
        .filter(({ mayChangeMeaning }) => mayChangeMeaning === true)
        .map(({ name }) => name),
    );
    const [all] = await choose(undefined);
    const [kept] = await choose(undefined, { keepsLabels: true });
    expect(all.some((name) => changing.has(name))).toBe(true);
    expect(kept).toEqual(all.filter((name) => !changing.has(name)));
    const [named] = await choose([`image=${[...changing][0]}`], { keepsLabels: true });
    expect(named).toEqual([[...changing][0]]);
  });

  test('that may change the meaning are left out of groups and refused by name where no meaning may change', async () => {
    const [numbers] = await choose('image=numbers', { refusesMeaningChanges: true });
    expect(numbers).toContain('gaussian');
    expect(numbers).not.toContain('splice');
    expect((await choose(undefined, { refusesMeaningChanges: true }))[0]).not.toContain('mirror');
    await expect(choose('image=splice', { refusesMeaningChanges: true })).rejects.toThrow(
      '--mutator: splice may change the meaning of an input, which threatModel.may: content-preserving excludes',
    );
  });

  test('that fit no input are refused, and so is leaving all inputs as they are', async () => {
    await expect(choose('crossover')).rejects.toThrow('crossover');
    await expect(choose(['image=none', 'mask=none'])).rejects.toThrow('leaves every input unchanged');
  });

  test("that are all geometric are refused under DeepHunter's rule", async () => {
    const only = ['image=rotate', 'mask=none'];
    await expect(choose(only, { allowsOneGeometric: true })).rejects.toThrow(
      'input image has no other mutator',
    );
    expect(await choose(only)).toEqual([['rotate'], []]);
  });
});

describe('the share of the picks that mutate an input', () => {
  const mask = traitsOf({ name: 'mask', type: 'bool', size: 8, domains: ['flags', 'mask'] });
  const masks = ['flip', 'padding', 'causal', 'splice'];

  test('is one in eight for a mask with the default mix, by its specs', () => {
    expect(pickShares([['gaussian'], masks], [IMAGE, mask])).toEqual([undefined, 1 / 8]);
  });

  test('is all for a mask with mutators of its own, and where nothing else is mutated', () => {
    expect(pickShares([['gaussian'], ['flip']], [IMAGE, mask])).toEqual([undefined, undefined]);
    expect(pickShares([[], masks], [IMAGE, mask])).toEqual([undefined, undefined]);
    expect(pickShares([['gaussian'], masks], [IMAGE, MASK])).toEqual([undefined, undefined]);
  });
});
