import { describe, expect, test } from '@jest/globals';
import {
  AscentShare,
  ascentPrice,
  TEXT_PRIOR_RATIO,
} from '../../../../src/fuzzer/search/ascent/ascent-share.ts';
import {
  type GoalAssignment,
  type GoalProgress,
  MAX_MARGIN,
} from '../../../../src/fuzzer/search/search-goal.ts';

const COST = { forwards: 8, gradients: 8, runs: 8, gradientSeconds: 0, seconds: 0 };

const task = (ascends: boolean): GoalAssignment => ({
  goalIndex: 0,
  subgoals: [0],
  slots: [0],
  marginsToBeat: [20],
  best: [20],
  ...(ascends ? { ascends: true } : {}),
});

const outcome = (gain: number, ascends: boolean, margin = 20 - gain): GoalProgress => ({
  subgoalCount: 1,
  improvements: gain === 0 ? [] : [{ candidate: 0, pick: 0, subgoal: 0, margin }],
  smallestMargins: [margin],
  ...(ascends ? { ascent: COST } : {}),
});

function taught(ascentGain: number, otherGain: number, tasks = 60): AscentShare {
  const share = new AscentShare();
  for (let n = 0; n < tasks; n++) {
    share.apply(task(true), outcome(ascentGain, true), 64);
    share.apply(task(false), outcome(otherGain, false), 64);
  }
  return share;
}

describe('the share of tasks that ascend', () => {
  test('is large at first, and larger where gradients gain more', () => {
    expect(new AscentShare().share).toBeCloseTo(0.9, 6);
    expect(new AscentShare(TEXT_PRIOR_RATIO).share).toBeCloseTo(0.2, 6);
    expect(taught(5, 0.1).share).toBeCloseTo(0.9, 6);
  });

  test('falls to a twenty-fifth where they bring nothing', () => {
    expect(taught(0, 1).share).toBeCloseTo(0.04, 6);
  });

  test('counts gradients by their price: equal gains are worth less', () => {
    expect(ascentPrice(COST)).toBeGreaterThan(5 * 8);
    // Testcases that share a run are cheaper.
    expect(ascentPrice({ ...COST, runs: 1 })).toBeLessThan(ascentPrice(COST) / 2);
    expect(ascentPrice({ forwards: 8, gradients: 8 })).toBe(ascentPrice(COST));
    const { share } = taught(1, 1, 400);
    expect(share).toBeGreaterThan(0.25);
    expect(share).toBeLessThan(0.6);
  });

  test('is 0 once there turns out to be no gradient, also after a checkpoint', () => {
    const share = new AscentShare();
    share.apply(
      task(true),
      { ...outcome(0, true), ascent: { ...COST, refusal: 'no gradient through Mod' } },
      64,
    );
    expect(share.share).toBe(0);
    const restored = new AscentShare();
    restored.restore(share.save());
    expect(restored.share).toBe(0);
  });

  test('comes back from a checkpoint as it was', () => {
    const share = taught(2, 1, 7);
    const restored = new AscentShare();
    restored.restore(JSON.parse(JSON.stringify(share.save())));
    expect(restored.share).toBe(share.share);
    expect(restored.isUntaught).toBe(false);
    expect(new AscentShare().isUntaught).toBe(true);
  });

  test('learns from goals that are reached, of whose distance nothing was known before', () => {
    const reached = { ...task(false), marginsToBeat: [MAX_MARGIN] };
    const share = new AscentShare();
    for (let n = 0; n < 40; n++) {
      share.apply(reached, { subgoalCount: 1, improvements: [], smallestMargins: [0] }, 64);
      share.apply(task(true), outcome(0, true), 64);
    }
    expect(share.share).toBeLessThan(0.2);
  });
});
