import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import {
  DirectedSearch,
  type GoalProgress,
  isSiteFault,
  makeMarginBuffer,
  type SearchGoal,
  subgoalMargins,
  UNKNOWN_MARGIN,
} from '../../../src/fuzzer/search/directed-search.ts';
import { TWO_SIDED_MARGINS } from '../../../src/objectives/objective.ts';

const point = (site: string): SearchGoal => ({
  site,
  hazardTarget: { tensor: site, hazard: { kind: 'below', bound: 0, unit: 1 } },
});
const random = () => randomStream('climbs', 'test');
const ENTRIES = { count: 40, seeds: 10 };

/** Runs a task for the point whose turn it is: one candidate for one pick. */
function step(climbs: DirectedSearch, margin: number, place: number): number | undefined {
  const at = climbs.nextGoal();
  if (at === undefined) return undefined;
  const { focus } = climbs.plan(at, 8, ENTRIES, random());
  const approach: GoalProgress = {
    subgoalCount: 1,
    improvements: [{ candidate: 0, pick: 0, subgoal: 0, margin }],
    smallestMargins: [margin],
  };
  climbs.apply(
    focus,
    approach,
    () => 8,
    () => place,
  );
  return at;
}

describe('points', () => {
  test('have turns in their order, every other one goes to the nearest, and those that went wrong have none', () => {
    const climbs = new DirectedSearch([point('a'), point('b'), point('c')]);
    const turns = (): (number | undefined)[] => Array.from({ length: 6 }, (_, i) => step(climbs, 30 - i, i));
    // b comes first; then it is the nearest, until c and a have come nearer.
    expect(turns()).toEqual([1, 1, 2, 2, 0, 0]);
    climbs.recordFault('nonfinite-inf-a');
    expect(turns()).toEqual([1, 2, 2, 2, 1, 1]);
    climbs.recordFault('nonfinite-nan-b');
    climbs.recordFault('crash-c');
    expect(turns().every((at) => at === undefined)).toBe(true);
  });

  test('that come no nearer for long have their turns in the order of all alone', () => {
    const climbs = new DirectedSearch([point('a'), point('b')]);
    const margins = [20, 10];
    const count = (turns: number): number[] => {
      const seen = [0, 0];
      for (let n = 0; n < turns; n++) {
        const at = climbs.nextGoal() as number;
        seen[at]++;
        const { focus } = climbs.plan(at, 8, ENTRIES, random());
        climbs.apply(
          focus,
          { subgoalCount: 1, improvements: [], smallestMargins: [margins[at]] },
          () => 8,
          () => 0,
        );
      }
      return seen;
    };
    const [first, second] = count(100);
    expect(second).toBeGreaterThan(2 * first);
    count(200);
    expect(count(100)).toEqual([50, 50]);
  });

  test('are done once their margin is 0', () => {
    const climbs = new DirectedSearch([point('a')]);
    step(climbs, 0, 1);
    expect(climbs.nextGoal()).toBeUndefined();
    expect(climbs.margins.get('a')).toBe(0);
  });
});

describe('lanes', () => {
  test('go on from the nearest entry, and only what comes nearer takes its place', () => {
    const climbs = new DirectedSearch([point('a')]);
    for (let n = 0; n < 6; n++) step(climbs, 20, 7);
    step(climbs, 10, 8);
    step(climbs, 15, 9);
    const { focus, parents } = climbs.plan(0, 64, ENTRIES, random());
    expect(focus.marginsToBeat.filter((bar) => bar === 10).length).toBeGreaterThan(20);
    focus.marginsToBeat.forEach((bar, pick) => {
      if (bar === 10) expect(parents[pick]).toBe(8);
      if (bar === 20) expect(parents[pick]).toBe(7);
    });
    expect(climbs.margins.get('a')).toBe(10);
  });

  test('that stand still start anew elsewhere, but for the nearest', () => {
    const climbs = new DirectedSearch([point('a')]);
    for (let n = 0; n < 6; n++) step(climbs, 20 - 2 * n, 7);
    for (let n = 0; n < 300; n++) step(climbs, 50, 7);
    const { focus } = climbs.plan(0, 64, ENTRIES, random());
    expect(focus.marginsToBeat).toContain(10);
    expect(focus.marginsToBeat).toContain(UNKNOWN_MARGIN);
  });

  test('come back from what was saved, as JSON', () => {
    const climbs = new DirectedSearch([point('a'), point('b')]);
    for (let n = 0; n < 20; n++) step(climbs, 30 - n, n);
    const again = new DirectedSearch([point('a'), point('b')]);
    again.restore(JSON.parse(JSON.stringify(climbs.save())), true);
    expect(again.save()).toEqual(climbs.save());
    expect(again.plan(0, 16, ENTRIES, random())).toEqual(climbs.plan(0, 16, ENTRIES, random()));
    // Where entries are missing, places mean nothing any more.
    const broken = new DirectedSearch([point('a'), point('b')]);
    broken.restore(climbs.save(), false);
    expect(
      broken.plan(0, 16, ENTRIES, random()).focus.marginsToBeat.every((bar) => bar === UNKNOWN_MARGIN),
    ).toBe(true);
    expect(broken.margins).toEqual(climbs.margins);
  });
});

describe('the point of an objective that is sided', () => {
  const SIDED: SearchGoal = { objective: 'quantization', isTwoSided: true };
  /** A climb on which class 2 loses at entry 5 and wins at entry 7. */
  const bordered = (): DirectedSearch => {
    const climbs = new DirectedSearch([SIDED]);
    const { focus } = climbs.plan(climbs.nextGoal() as number, 8, ENTRIES, random());
    const nearer = [
      { candidate: 5, pick: 0, subgoal: 2, margin: 3 },
      { candidate: 7, pick: 1, subgoal: 2 + TWO_SIDED_MARGINS / 2, margin: 4 },
    ];
    const reached = Array.from({ length: TWO_SIDED_MARGINS }, (_, target) =>
      Math.min(UNKNOWN_MARGIN, ...nearer.filter((one) => one.subgoal === target).map(({ margin }) => margin)),
    );
    climbs.apply(
      focus,
      { subgoalCount: TWO_SIDED_MARGINS, improvements: nearer, smallestMargins: reached },
      () => 8,
      (candidate) => candidate,
    );
    return climbs;
  };

  test('has picks whose mates lie across the border, where the two may be mixed', () => {
    const pairs = (isMate: (a: number, b: number) => boolean): string[] => {
      const { parents, beyond } = bordered().plan(0, 64, ENTRIES, random(), isMate);
      return [...new Set(beyond.flatMap((mate, i) => (mate < 0 ? [] : [`${parents[i]}-${mate}`])))].sort();
    };
    const both = pairs(() => true);
    expect(both).toContain('5-7');
    expect(both.every((pair) => pair === '5-7' || pair === '7-5')).toBe(true);
    expect(pairs(() => false)).toEqual([]);
  });

  test('begins anew after a violation, and ends when enough is kept of its signature', () => {
    const climbs = bordered();
    const { focus } = climbs.plan(0, 8, ENTRIES, random());
    const reached = Array.from({ length: TWO_SIDED_MARGINS }, (_, target) =>
      target === 2 ? 0 : UNKNOWN_MARGIN,
    );
    climbs.apply(
      focus,
      { subgoalCount: TWO_SIDED_MARGINS, improvements: [], smallestMargins: reached },
      () => 8,
      () => undefined,
    );
    expect(climbs.nextGoal()).toBe(0);
    expect(climbs.plan(0, 64, ENTRIES, random()).beyond.every((mate) => mate < 0)).toBe(true);
    climbs.recordSaturation('quantization-nan-y');
    climbs.recordSaturation('nonfinite-nan-y');
    expect(climbs.nextGoal()).toBe(0);
    climbs.recordSaturation('quantization-class-y');
    expect(climbs.nextGoal()).toBeUndefined();
  });
});

test('each element of an operand is a target; of many the nearest and some spread over all', () => {
  const out = makeMarginBuffer();
  expect(subgoalMargins(Float64Array.of(3, 1, 2), out)).toBe(3);
  expect([...out.subarray(0, 3)]).toEqual([3, 1, 2]);
  const many = Float64Array.from({ length: 1000 }, (_, i) => 1000 - i);
  expect(subgoalMargins(many, out)).toBe(16);
  expect(out[0]).toBe(1);
  expect(out[1]).toBe(1000 - 33);
  expect(new Set(out.subarray(0, 16)).size).toBe(16);
  expect(subgoalMargins(many, out, true)).toBe(1);
  expect(out[0]).toBe(1);
  expect(subgoalMargins(Float64Array.of(Number.POSITIVE_INFINITY), out)).toBe(1);
  expect(out[0]).toBe(UNKNOWN_MARGIN);
});

test('a signature is a fault of the site that it is named after', () => {
  expect(isSiteFault('nonfinite-nan-log_7', 'log_7')).toBe(true);
  expect(isSiteFault('nonfinite-inf-a_log', 'a/log')).toBe(true);
  expect(isSiteFault('crash-div', 'div')).toBe(true);
  expect(isSiteFault('nonfinite-nan-log_7', 'log')).toBe(false);
  expect(isSiteFault('hang', 'hang')).toBe(false);
});

describe('an objective whose margins lead each to a signature of its own', () => {
  const ways = ['text-words-a', 'text-words-b', 'text-words-c'];
  const make = () =>
    new DirectedSearch([
      { objective: 'text-words', isTwoSided: false, marginSignatures: ways, predictsBeforeOutput: true },
    ]);

  /** A task in which every pick comes to a margin at its own target. */
  function climb(climbs: DirectedSearch, margins: readonly number[], looks = true) {
    const at = climbs.nextGoal() as number;
    const { focus } = climbs.plan(at, 64, ENTRIES, random(), undefined, looks);
    const reached = margins.map((margin) => margin);
    const nearer = focus.subgoals.map((target, pick) => ({
      candidate: pick,
      pick,
      subgoal: target,
      margin: margins[target],
    }));
    climbs.apply(
      focus,
      {
        subgoalCount: ways.length,
        improvements: nearer.filter(({ margin }) => margin > 0),
        smallestMargins: reached,
      },
      () => 8,
      (candidate) => candidate,
    );
    return focus;
  }

  test('has a target for each from the beginning, and all have turns', () => {
    const { subgoals } = climb(make(), [20, 20, 20]);
    expect(new Set(subgoals)).toEqual(new Set([0, 1, 2]));
  });

  test('seeks those no more of which enough is kept, and ends with the last', () => {
    const climbs = make();
    climb(climbs, [20, 20, 20]);
    climbs.recordSaturation('text-words-b');
    expect(new Set(climb(climbs, [20, 20, 20]).subgoals)).toEqual(new Set([0, 2]));
    for (const way of ways) climbs.recordSaturation(way);
    expect(climbs.nextGoal()).toBeUndefined();
  });

  test('goes on toward a way that was come to until enough is kept of it', () => {
    const climbs = make();
    climb(climbs, [5, 20, 20]);
    climb(climbs, [0, 20, 20]);
    const focus = climb(climbs, [6, 20, 20], false);
    expect(new Set(focus.subgoals)).toEqual(new Set([0]));
    expect(focus.marginsToBeat.every((bar) => bar === 5)).toBe(true);
  });

  test('looks ahead, and tries what is near in turn', () => {
    const climbs = make();
    expect([true, false].map((tries) => climbs.canLookAhead(tries))).toEqual([true, true]);
    climb(climbs, [30, 12, 20]);
    expect([true, false].map((tries) => climbs.canLookAhead(tries))).toEqual([true, true]);
    climb(climbs, [30, 9, 20]);
    expect([true, false].map((tries) => climbs.canLookAhead(tries))).toEqual([false, true]);
    expect(new Set(climb(climbs, [30, 9, 20], false).subgoals)).toEqual(new Set([1]));
  });

  test('is saved and goes on as it was', () => {
    const climbs = make();
    climb(climbs, [20, 9, 20]);
    climbs.recordSaturation('text-words-b');
    const other = make();
    other.restore(JSON.parse(JSON.stringify(climbs.save())), true);
    expect(other.save()).toEqual(climbs.save());
    expect(new Set(climb(other, [20, 20, 20]).subgoals)).toEqual(new Set([0, 2]));
  });
});
