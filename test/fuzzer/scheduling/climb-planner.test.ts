import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { ClimbPlanner, type PlannedClimb } from '../../../src/fuzzer/scheduling/climb-planner.ts';
import type { ArmDescriptor } from '../../../src/fuzzer/scheduling/mutator-arms.ts';

const arm = (name: string, forGoals = false): ArmDescriptor => ({
  name,
  cost: 1,
  partner: undefined,
  acceptsAnyShape: false,
  geometric: false,
  ...(forGoals ? { forGoals } : {}),
});

const FULL = [arm('gaussian'), arm('creep', true), arm('copy', true), arm('path', true)];
const [CREEP, COPY, PATH] = [1, 2, 3];

/** Entries of which each but the first is a child of the one before it, with these numbers of values. */
const corpusOf = (lengths: readonly number[]) => ({
  at: (index: number) => ({
    parent: index === 0 ? null : `e${index - 1}`,
    ancestorIndex: 0,
    referenceIndex: 0,
    outcome: 0,
  }),
  indexOf: (id: string) => Number(id.slice(1)),
  shapeKey: (index: number) => String(lengths[index]),
});

const plans = (
  arms: readonly (readonly ArmDescriptor[])[],
  lengths: readonly number[] = [2, 2, 2, 2],
  entry = lengths.length - 1,
): (PlannedClimb | undefined)[] => {
  const planner = new ClimbPlanner(corpusOf(lengths), arms);
  const random = randomStream('climbs');
  return Array.from({ length: 400 }, () => planner.plan(entry, random));
};

/** The first arm of each input; −1 for one that stays. */
const firstArms = ({ stacks }: PlannedClimb): number[] => stacks.filter((_, place) => place % 4 === 0);

test('where no input may creep, there is no climb', () => {
  expect(plans([[arm('gaussian')], []]).every((plan) => plan === undefined)).toBe(true);
  // A mutator of someone else's that has the name.
  expect(plans([[arm('creep')]]).every((plan) => plan === undefined)).toBe(true);
});

test('each step is of one mutator: on all inputs, or on one while the others stay', () => {
  const seen = new Map<string, number>();
  for (const plan of plans([FULL, FULL, []])) {
    if (plan === undefined) throw new Error('no climb');
    const key = String(firstArms(plan));
    seen.set(key, (seen.get(key) ?? 0) + 1);
    expect(plan.stacks.filter((_, place) => place % 4 !== 0).every((next) => next === -1)).toBe(true);
    expect(plan.hasStrength).toBe(plan.stacks.includes(CREEP));
  }
  const shareOf = (...arms: number[]): number => (seen.get(String([...arms, -1])) ?? 0) / 400;
  expect(shareOf(PATH, PATH)).toBeCloseTo(0.25, 1);
  expect(shareOf(COPY, -1) + shareOf(-1, COPY)).toBeCloseTo(0.09, 1);
  expect(shareOf(CREEP, CREEP)).toBeCloseTo(0.33, 1);
  expect(shareOf(CREEP, -1)).toBeGreaterThan(0.1);
  expect(shareOf(-1, CREEP)).toBeGreaterThan(0.1);
  expect(seen.size).toBe(6);
});

test('the way that is followed begins at one of the last sixteen generations of the same shape', () => {
  const partnersOf = (list: readonly (PlannedClimb | undefined)[]): Set<number> =>
    new Set(list.flatMap((plan) => (plan === undefined || plan.partner < 0 ? [] : [plan.partner])));
  const long = partnersOf(plans([FULL], new Array<number>(30).fill(2)));
  expect(Math.min(...long)).toBe(13);
  expect(Math.max(...long)).toBe(28);
  expect(partnersOf(plans([FULL], [2, 2], 1))).toEqual(new Set([0]));
  expect(partnersOf(plans([FULL], [3, 2], 1))).toEqual(new Set());
  expect(partnersOf(plans([FULL], [2], 0))).toEqual(new Set());
});

test('patches go to all inputs that have them, or to one of several; to none where no input has any', () => {
  const patched = [arm('gaussian'), arm('square', true)];
  const random = randomStream('patches');
  const planner = new ClimbPlanner(corpusOf([2]), [patched, [arm('gaussian')], patched]);
  const chosen = Array.from({ length: 100 }, () => {
    const plan = planner.planPatch(0, random);
    if (plan === undefined) throw new Error('no patch is planned');
    expect(plan).toMatchObject({ parent: 0, partner: -1, hasStrength: true });
    return firstArms(plan).join();
  });
  expect(new Set(chosen)).toEqual(new Set(['1,-1,1', '1,-1,-1', '-1,-1,1']));
  expect(new ClimbPlanner(corpusOf([2]), [[arm('gaussian')]]).planPatch(0, random)).toBeUndefined();
});
