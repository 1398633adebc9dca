import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UserError } from '../../src/core/errors.ts';
import { CRITERIA } from '../../src/coverage/registry.ts';
import { describeBounds, type Parameter, type ParameterValues } from '../../src/extensions/parameters.ts';
import { type ExtensionKind, Registry } from '../../src/extensions/registry.ts';
import { QUANTIZERS } from '../../src/model/quantize/registry.ts';
import { MUTATORS } from '../../src/mutators/registry.ts';
import { OBJECTIVES } from '../../src/objectives/registry.ts';
import { RULES } from '../../src/objectives/text/registry.ts';
import { SCHEDULERS } from '../../src/schedulers/registry.ts';

const SIZE = { name: 'size', default: 3, help: 'how large', min: 1, max: 8, integer: true } as const;
const LIMIT = { name: 'limit', help: 'how far', min: 0, max: Number.POSITIVE_INFINITY } as const;

type Shape = ExtensionKind<string>;

const box: Shape = {
  name: 'box',
  help: 'a box',
  parameters: [SIZE, LIMIT],
  words: { colour: { help: 'its colour', legal: ['red', 'blue'] }, label: { help: 'any word' } },
  make: (values) => `${values(SIZE)} of ${values(LIMIT)}`,
};
const note: Shape = {
  name: 'note',
  help: 'a note',
  parameters: [SIZE],
  text: 'what it says',
  make: () => 'note',
};
const plain = (name: string): Shape => ({ name, help: `a ${name}`, parameters: [], make: () => name });

const shapes = new Registry<Shape>({
  flag: '--shape',
  noun: 'shape',
  kinds: [box, note, plain('disk')],
  takesName: true,
  loadPlugin: async (path) => ({ ...box, name: 'loaded', plugin: path }),
});

function refusal(resolve: () => unknown): string {
  try {
    resolve();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return 'not refused';
}

describe('a spec', () => {
  test('resolves to its kind and values: as set, else the default, else undefined', () => {
    const { kind, values, spec } = shapes.resolveBuiltIn('box:limit=0.5');
    expect([kind, values(SIZE), values(LIMIT), spec]).toEqual([box, 3, 0.5, 'box:limit=0.5']);
    expect(shapes.resolveBuiltIn('box').values(LIMIT)).toBeUndefined();
    expect(kind.make(values, undefined)).toBe('3 of 0.5');
  });

  test('may have words, a name and a text behind them', () => {
    expect(shapes.resolveBuiltIn('box: colour=red, size=8 ,name=big,label=x')).toMatchObject({
      words: { colour: 'red', label: 'x' },
      name: 'big',
      text: '',
    });
    const { text, values } = shapes.resolveBuiltIn('note:size=2,a == b, size=9');
    expect([text, values(SIZE)]).toEqual(['a == b, size=9', 2]);
  });

  test('of a module resolves to the kind that the loader gives, with parameters', async () => {
    const { kind, values } = await shapes.resolve('./own.js:size=8');
    expect([kind.name, kind.plugin, values(SIZE)]).toEqual(['loaded', './own.js', 8]);
    expect((await shapes.resolve('box:size=1')).kind).toBe(box);
    await expect(shapes.resolve('./own.js:size=9')).rejects.toThrow(
      "--shape: ./own.js:size must be a whole number from 1 to 8, not '9'",
    );
  });

  test.each([
    ['bxo', '--shape must be one of box, note, disk (did you mean box?), not "bxo"'],
    ['sphere', '--shape must be one of box, note, disk, or a module such as ./own.js, not "sphere"'],
    ['box:sise=2', '--shape: box has no parameter sise: did you mean size?'],
    ['disk:size=2', '--shape: disk has no parameter size: it has none'],
    ['box:size=0', "--shape: box:size must be a whole number from 1 to 8, not '0'"],
    ['box:size=2.5', "--shape: box:size must be a whole number from 1 to 8, not '2.5'"],
    ['box:size', "--shape: box:size must be a whole number from 1 to 8, not ''"],
    ['box:limit=-1', "--shape: box:limit must be a number of at least 0, not '-1'"],
    ['box:limit=far', "--shape: box:limit must be a number of at least 0, not 'far'"],
    ['box:=3', '--shape: box has no parameter =3: there is size, limit, colour, label'],
    ['box:colour=green', "--shape: box:colour must be one of red, blue, not 'green'"],
    ['box:label=', "--shape: box:label must be something, not ''"],
    ['box:name=a/b', "--shape: box:name must be letters, digits, '.', '_' and '-', at most 40, not 'a/b'"],
  ])('%s is refused with the flag and what is legal', (spec, message) => {
    expect(refusal(() => shapes.check(spec))).toBe(message);
  });

  test('of a module is not loaded by a check', () => {
    expect(refusal(() => shapes.check('./none.js:x=1'))).toBe('not refused');
    expect(refusal(() => QUANTIZERS.check('./none.js'))).toMatch(/^--quantize must be one of float16/);
  });

  test('of an unknown name gets the nearest one where there are many, groups included', () => {
    const message = refusal(() => MUTATORS.check('gausian'));
    expect(message).toBe(
      '--mutator: unknown mutator gausian: did you mean gaussian? neurofuzz mutators lists them',
    );
    expect(refusal(() => MUTATORS.check('imags'))).toContain('did you mean images?');
    expect(refusal(() => OBJECTIVES.check('nonfinit'))).toBe(
      '--objective: unknown objective nonfinit: did you mean nonfinite?',
    );
  });
});

test('kinds are described with their help and defaults', () => {
  expect(shapes.describe()).toBe('box, a box (size=3); note, a note (size=3); disk, a disk; or ./module.js');
});

describe('every built-in parameter', () => {
  const registries = { CRITERIA, MUTATORS, OBJECTIVES, QUANTIZERS, RULES, SCHEDULERS };
  const parameters = Object.entries(registries).flatMap(([, registry]) =>
    registry.list().flatMap((kind) =>
      kind.parameters.map((parameter) => ({
        name: `${kind.name}:${parameter.name}`,
        parameter,
        resolve: (value: number): ParameterValues =>
          registry.configure(kind.name, `${parameter.name}=${value}`).values,
      })),
    ),
  );

  /** Legal values: the ends and any between. */
  const legal = ({ min, max, integer = false }: Parameter): fc.Arbitrary<number> => {
    const most = Math.min(max, Number.MAX_SAFE_INTEGER);
    const between = integer ? fc.integer({ min, max: most }) : fc.double({ min, max: most, noNaN: true });
    return fc.oneof(fc.constant(min), fc.constant(most), between);
  };

  test('has an example of each kind', () => {
    expect(parameters.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'multiply:most',
        'quantization:atol',
        'values:width',
        'yield:newest',
        'echo:least',
      ]),
    );
  });

  test.each(parameters)(
    '$name takes both of its ends and what lies between, and nothing else',
    ({ parameter, resolve }) => {
      const { min, max, default: usual = min } = parameter;
      fc.assert(fc.property(legal(parameter), (value) => resolve(value)(parameter) === value));
      expect(usual >= min && usual <= max).toBe(true);
      const outside = (value: number) => refusal(() => resolve(value));
      const step = Math.max(1e-9, Math.abs(min) * 1e-9);
      expect(outside(min - step)).toMatch(describeBounds(parameter));
      if (Number.isFinite(max))
        expect(outside(max + Math.max(1e-9, Math.abs(max) * 1e-9))).toMatch(`to ${max}`);
      expect(outside(Number.NaN)).toMatch(/must be a (whole )?number/);
    },
  );
});

test('a factor of 1, and schedulers and criteria with parameters, are legal specs', async () => {
  expect((await MUTATORS.resolve('multiply:most=1')).values({ name: 'most' })).toBe(1);
  expect((await SCHEDULERS.resolve('recent:newest=10')).values({ name: 'newest' })).toBe(10);
  expect((await CRITERIA.resolve('values:width=128')).values({ name: 'width' })).toBe(128);
});
