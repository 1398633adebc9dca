import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { type ArmDescriptor, MAX_STACK_DEPTH } from '../../../src/fuzzer/scheduling/mutator-arms.ts';
import { MutatorScheduler } from '../../../src/fuzzer/scheduling/mutator-scheduler.ts';
import { NO_ARM } from '../../../src/fuzzer/scheduling/mutator-stack.ts';
import { MUTANTS_PER_PICK } from '../../../src/fuzzer/scheduling/task-sizes.ts';

const arm = (name: string, cost = 4): ArmDescriptor => ({
  name,
  cost,
  partner: undefined,
  acceptsAnyShape: false,
  geometric: false,
});

const ARMS = [[arm('dull'), arm('good'), arm('dear', 400)]];

/** Tasks in which every pick of `good` leads to an entry and no other does. */
function taught(choice: MutatorScheduler, tasks: number): MutatorScheduler {
  const random = randomStream('choice');
  for (let task = 0; task < tasks; task++) {
    const picks = Array.from({ length: 32 }, () => choice.select(random)[0]);
    const chains = picks.flatMap((chain) =>
      Array.from({ length: MAX_STACK_DEPTH }, (_, place) => chain[place] ?? NO_ARM),
    );
    const entries = picks.flatMap((chain, pick) => (chain.includes(1) ? [{ pick, novelty: 4 }] : []));
    choice.reward(chains, 32 * MUTANTS_PER_PICK, entries, []);
  }
  return choice;
}

const sharesOf = (choice: MutatorScheduler): number[] => choice.statistics.map(({ share }) => share);

describe('mutators for climbs', () => {
  const withClimbs = [[arm('noise'), { ...arm('creep'), forGoals: true }, arm('splice')]];

  test('are never selected, and their yield changes no share', () => {
    const choice = new MutatorScheduler(['x'], withClimbs, true);
    const random = randomStream('climbs');
    for (let n = 0; n < 500; n++) expect(choice.select(random)[0]).not.toContain(1);
    const before = sharesOf(choice);
    expect(before[1]).toBe(0);
    choice.reward([1, NO_ARM, NO_ARM, NO_ARM], MUTANTS_PER_PICK, [{ pick: 0, novelty: 1 }], []);
    expect(sharesOf(choice)).toEqual(before);
    expect(choice.statistics[1]).toMatchObject({ mutants: MUTANTS_PER_PICK, entries: 1 });
  });

  test('are selected where the input has no other', () => {
    const choice = new MutatorScheduler(['x'], [[{ ...arm('creep'), forGoals: true }]], true);
    expect(choice.select(randomStream('only'))).toEqual([[0]]);
    expect(sharesOf(choice)).toEqual([1]);
  });
});

describe('the choice among mutators', () => {
  test('begins with equal shares for equal costs, and less for what is dear', () => {
    const [dull, good, dear] = sharesOf(new MutatorScheduler(['x'], ARMS, true));
    expect(dull).toBe(good);
    expect(dear).toBeLessThan(dull / 5);
    expect(dull + good + dear).toBeCloseTo(1, 3);
  });

  test('comes to prefer what brings more, and leaves a floor to the rest', () => {
    const [dull, good, dear] = sharesOf(taught(new MutatorScheduler(['x'], ARMS, true), 200));
    expect(good).toBeGreaterThan(0.6);
    expect(good).toBeGreaterThan(2 * dull);
    expect(dull).toBeGreaterThan(0.04);
    expect(dear).toBeGreaterThan(0.003);
  });

  test('counts what each did and brought', () => {
    const { statistics } = taught(new MutatorScheduler(['x'], ARMS, true), 10);
    const [, good] = statistics;
    expect(good.mutator).toBe('good');
    expect(good.entries).toBeGreaterThan(0);
    // An entry for each pick of it, or for each time that it came up there.
    expect(good.mutants / MUTANTS_PER_PICK).toBeCloseTo(good.entries, 6);
  });

  test('goes on the same after it was saved and restored', () => {
    const whole = taught(new MutatorScheduler(['x'], ARMS, true), 20);
    const again = new MutatorScheduler(['x'], ARMS, true);
    again.restore(JSON.parse(JSON.stringify(whole.save())));
    expect(again.statistics).toEqual(whole.statistics);
    const [a, b] = [randomStream('draws'), randomStream('draws')];
    for (let n = 0; n < 200; n++) expect(again.select(a)).toEqual(whole.select(b));
  });

  test('learns nothing in the random control, restored or not', () => {
    const control = taught(new MutatorScheduler(['x'], ARMS, false), 50);
    const again = new MutatorScheduler(['x'], ARMS, false);
    again.restore(JSON.parse(JSON.stringify(control.save())));
    const fresh = sharesOf(new MutatorScheduler(['x'], ARMS, false));
    expect(sharesOf(control)).toEqual(fresh);
    expect(sharesOf(again)).toEqual(fresh);
  });

  test('leaves an input with a share alone in the other picks', () => {
    const arms = [[arm('x')], [arm('one'), arm('other')]];
    const choice = new MutatorScheduler(['x', 'mask'], arms, true, undefined, [undefined, 1 / 8]);
    const random = randomStream('share');
    const drawn = Array.from({ length: 4000 }, () => choice.select(random));
    expect(drawn.every(([x]) => x.length === 1)).toBe(true);
    const mutated = drawn.filter(([, mask]) => mask.length > 0).length;
    expect(mutated).toBeGreaterThan(400);
    expect(mutated).toBeLessThan(600);
  });

  test('applies a mutator that is alone once', () => {
    const choice = new MutatorScheduler(['x', 'y'], [[arm('alone')], [arm('one'), arm('other')]], true);
    const random = randomStream('alone');
    const drawn = Array.from({ length: 100 }, () => choice.select(random));
    expect(drawn.every(([x]) => x.length === 1)).toBe(true);
    expect(new Set(drawn.map(([, y]) => y.length))).toEqual(new Set([1, 2, MAX_STACK_DEPTH]));
  });
});
