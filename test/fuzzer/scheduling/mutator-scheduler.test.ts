import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { type ArmTraits, LONGEST_CHAIN } from '../../../src/fuzzer/scheduling/mutator-arms.ts';
import { MutatorChoice } from '../../../src/fuzzer/scheduling/mutator-scheduler.ts';
import { NO_ARM } from '../../../src/fuzzer/scheduling/mutator-stack.ts';
import { MUTANTS_PER_PICK } from '../../../src/fuzzer/scheduling/task-sizes.ts';

const arm = (name: string, cost = 4): ArmTraits => ({
  name,
  cost,
  mate: undefined,
  anyForm: false,
  geometric: false,
});

const ARMS = [[arm('dull'), arm('good'), arm('dear', 400)]];

/** Tasks in which every pick of `good` leads to an entry and no other does. */
function taught(choice: MutatorChoice, tasks: number): MutatorChoice {
  const random = randomStream('choice');
  for (let task = 0; task < tasks; task++) {
    const picks = Array.from({ length: 32 }, () => choice.draw(random)[0]);
    const chains = picks.flatMap((chain) =>
      Array.from({ length: LONGEST_CHAIN }, (_, place) => chain[place] ?? NO_ARM),
    );
    const entries = picks.flatMap((chain, pick) => (chain.includes(1) ? [{ pick, novelty: 4 }] : []));
    choice.learn(chains, 32 * MUTANTS_PER_PICK, entries, []);
  }
  return choice;
}

const sharesOf = (choice: MutatorChoice): number[] => choice.figures.map(({ share }) => share);

describe('the choice among mutators', () => {
  test('begins with equal shares for equal costs, and less for what is dear', () => {
    const [dull, good, dear] = sharesOf(new MutatorChoice(['x'], ARMS, true));
    expect(dull).toBe(good);
    expect(dear).toBeLessThan(dull / 5);
    expect(dull + good + dear).toBeCloseTo(1, 3);
  });

  test('comes to prefer what brings more, and leaves a floor to the rest', () => {
    const [dull, good, dear] = sharesOf(taught(new MutatorChoice(['x'], ARMS, true), 200));
    expect(good).toBeGreaterThan(0.6);
    expect(good).toBeGreaterThan(2 * dull);
    expect(dull).toBeGreaterThan(0.04);
    expect(dear).toBeGreaterThan(0.003);
  });

  test('counts what each did and brought', () => {
    const { figures } = taught(new MutatorChoice(['x'], ARMS, true), 10);
    const [, good] = figures;
    expect(good.mutator).toBe('good');
    expect(good.entries).toBeGreaterThan(0);
    // An entry for each pick of it, or for each time that it came up there.
    expect(good.mutants / MUTANTS_PER_PICK).toBeCloseTo(good.entries, 6);
  });

  test('goes on the same after it was saved and restored', () => {
    const whole = taught(new MutatorChoice(['x'], ARMS, true), 20);
    const again = new MutatorChoice(['x'], ARMS, true);
    again.restore(JSON.parse(JSON.stringify(whole.save())));
    expect(again.figures).toEqual(whole.figures);
    const [a, b] = [randomStream('draws'), randomStream('draws')];
    for (let n = 0; n < 200; n++) expect(again.draw(a)).toEqual(whole.draw(b));
  });

  test('learns nothing in the random control, restored or not', () => {
    const control = taught(new MutatorChoice(['x'], ARMS, false), 50);
    const again = new MutatorChoice(['x'], ARMS, false);
    again.restore(JSON.parse(JSON.stringify(control.save())));
    const fresh = sharesOf(new MutatorChoice(['x'], ARMS, false));
    expect(sharesOf(control)).toEqual(fresh);
    expect(sharesOf(again)).toEqual(fresh);
  });

  test('applies a mutator that is alone once', () => {
    const choice = new MutatorChoice(['x', 'y'], [[arm('alone')], [arm('one'), arm('other')]], true);
    const random = randomStream('alone');
    const drawn = Array.from({ length: 100 }, () => choice.draw(random));
    expect(drawn.every(([x]) => x.length === 1)).toBe(true);
    expect(new Set(drawn.map(([, y]) => y.length))).toEqual(new Set([1, 2, LONGEST_CHAIN]));
  });
});
