import { describe, expect, test } from '@jest/globals';
import type { Random } from '../../../src/core/random.ts';
import { MutationPlanner, type PlannerCorpus } from '../../../src/fuzzer/scheduling/mutation-planner.ts';
import type { ArmDescriptor } from '../../../src/fuzzer/scheduling/mutator-arms.ts';

const arm = (name: string, fields: Partial<ArmDescriptor> = {}): ArmDescriptor => ({
  name,
  cost: 1,
  partner: undefined,
  acceptsAnyShape: false,
  geometric: false,
  ...fields,
});

const ARMS = [
  [
    arm('rotate', { geometric: true }),
    arm('noise'),
    arm('splice', { partner: 'other' }),
    arm('bisect', { partner: 'rival' }),
    arm('momentum', { partner: 'parent' }),
    arm('crossover', { partner: 'other', acceptsAnyShape: true }),
  ],
];
const [ROTATE, NOISE, SPLICE, BISECT, MOMENTUM, CROSSOVER] = [0, 1, 2, 3, 4, 5];

interface Entry {
  readonly parent?: string;
  readonly ancestor?: number;
  readonly reference?: number;
  readonly outcome?: number;
  readonly length?: number;
}

/** A corpus of these entries, whose ids are `e0`, `e1` and so on. */
const corpusOf = (entries: readonly Entry[]): PlannerCorpus => ({
  size: { count: entries.length, seeds: 1 },
  at(index) {
    const { parent = null, ancestor = index, reference = ancestor, outcome = 0 } = entries[index];
    return { parent, ancestorIndex: ancestor, referenceIndex: reference, outcome };
  },
  indexOf: (id) => (Number(id.slice(1)) < entries.length ? Number(id.slice(1)) : undefined),
  shapeKey: (index) => String(entries[index].length ?? 2),
});

/** Draws the newest entry first, then the ones before it in turn. */
function inTurn(): Random {
  let draws = 0;
  return { uniform: () => 0, below: (bound) => draws++ % bound };
}

/** Plans an entry with a stack that is given instead of drawn. */
const planWith = (corpus: PlannerCorpus, entry: number, stack: readonly number[], oneGeometric = false) => {
  const planner = new MutationPlanner(corpus, ARMS, oneGeometric);
  return planner.plan(entry, { select: () => [[...stack]] }, inTurn());
};

describe('crossover partners', () => {
  test('a stack that needs none has none', () => {
    expect(planWith(corpusOf([{}, {}]), 1, [NOISE, NOISE])).toEqual({
      parent: 1,
      partner: -1,
      stacks: [NOISE, NOISE, -1, -1],
    });
  });

  test('any other entry of the same shape', () => {
    const { partner, stacks } = planWith(corpusOf([{}, {}, { length: 3 }]), 0, [SPLICE]);
    expect(partner).toBe(1);
    expect(stacks).toEqual([SPLICE, -1, -1, -1]);
  });

  test('an entry of another shape where the mutator accepts that', () => {
    expect(planWith(corpusOf([{}, { length: 3 }]), 0, [CROSSOVER]).partner).toBe(1);
  });

  test('the entry that the mutated one was made from', () => {
    const corpus = corpusOf([{}, {}, { parent: 'e1' }, { parent: 'e9' }]);
    expect(planWith(corpus, 2, [MOMENTUM]).partner).toBe(1);
    // Its parent is not in the corpus.
    expect(planWith(corpus, 3, [MOMENTUM])).toEqual({ parent: 3, partner: -1, stacks: [NOISE, -1, -1, -1] });
  });

  test('an entry with another predicted class for a rival', () => {
    const corpus = corpusOf([{ outcome: 1 }, { outcome: 1 }, { outcome: 2 }]);
    expect(planWith(corpus, 0, [BISECT]).partner).toBe(2);
  });

  test('without one, and where a stack needs two kinds, mutators are replaced by one that needs none', () => {
    const alone = corpusOf([{}]);
    expect(planWith(alone, 0, [SPLICE, NOISE]).stacks).toEqual([NOISE, NOISE, -1, -1]);
    const { partner, stacks } = planWith(corpusOf([{}, { parent: 'e0' }]), 1, [SPLICE, MOMENTUM]);
    expect(partner).toBe(0);
    expect(stacks).toEqual([SPLICE, NOISE, -1, -1]);
  });
});

test('the search for a partner gives up after eight entries', () => {
  const others = (count: number): Entry[] => new Array<Entry>(count).fill({ length: 3 });
  expect(planWith(corpusOf([{}, {}, ...others(7)]), 0, [SPLICE]).partner).toBe(1);
  expect(planWith(corpusOf([{}, {}, ...others(8)]), 0, [SPLICE]).partner).toBe(-1);
});

describe("DeepHunter's rule", () => {
  test('a geometric mutation is applied to the seed, and alone', () => {
    const corpus = corpusOf([{}, { ancestor: 0 }]);
    expect(planWith(corpus, 1, [NOISE, ROTATE, ROTATE], true)).toEqual({
      parent: 0,
      partner: -1,
      stacks: [ROTATE, -1, -1, -1],
    });
  });

  test('a descendant of a geometric mutant gets no second one', () => {
    const corpus = corpusOf([{}, { ancestor: 0, reference: 1 }, { ancestor: 0, reference: 1 }]);
    expect(planWith(corpus, 2, [ROTATE, NOISE], true)).toEqual({
      parent: 2,
      partner: -1,
      stacks: [NOISE, NOISE, -1, -1],
    });
  });

  test('without it, geometric mutations are as others', () => {
    const corpus = corpusOf([{}, { ancestor: 0 }]);
    expect(planWith(corpus, 1, [NOISE, ROTATE])).toEqual({
      parent: 1,
      partner: -1,
      stacks: [NOISE, ROTATE, -1, -1],
    });
  });
});

describe('across a boundary', () => {
  test('the mutator that interpolates is planned with the two entries', () => {
    const planner = new MutationPlanner(corpusOf([{}, {}]), ARMS, false);
    expect(planner.planAcrossBoundary(1, 0)).toEqual({ parent: 1, partner: 0, stacks: [BISECT, -1, -1, -1] });
  });

  test('nothing is planned for two shapes, or without such a mutator', () => {
    expect(
      new MutationPlanner(corpusOf([{}, { length: 3 }]), ARMS, false).planAcrossBoundary(0, 1),
    ).toBeUndefined();
    expect(
      new MutationPlanner(corpusOf([{}, {}]), [[arm('noise')]], false).planAcrossBoundary(0, 1),
    ).toBeUndefined();
  });
});
