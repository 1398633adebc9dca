import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import {
  type Approach,
  Climbs,
  FAR,
  isFaultOf,
  type Point,
  targetMargins,
  targetRoom,
} from '../../../src/fuzzer/search/directed-search.ts';
import { SIDES } from '../../../src/objectives/objective.ts';

const point = (site: string): Point => ({
  site,
  aim: { tensor: site, hazard: { kind: 'below', bound: 0, unit: 1 } },
});
const random = () => randomStream('climbs', 'test');
const ENTRIES = { count: 40, seeds: 10 };

/** Runs a task for the point whose turn it is: one candidate for one pick. */
function step(climbs: Climbs, margin: number, place: number): number | undefined {
  const at = climbs.next();
  if (at === undefined) return undefined;
  const { focus } = climbs.plan(at, 8, ENTRIES, random());
  const approach: Approach = {
    targets: 1,
    nearer: [{ candidate: 0, pick: 0, target: 0, margin }],
    reached: [margin],
  };
  climbs.take(
    focus,
    approach,
    () => 8,
    () => place,
  );
  return at;
}

describe('points', () => {
  test('have turns in their order, every other one goes to the nearest, and those that went wrong have none', () => {
    const climbs = new Climbs([point('a'), point('b'), point('c')]);
    const turns = (): (number | undefined)[] => Array.from({ length: 6 }, (_, i) => step(climbs, 30 - i, i));
    // b comes first; then it is the nearest, until c and a have come nearer.
    expect(turns()).toEqual([1, 1, 2, 2, 0, 0]);
    climbs.found('nonfinite-inf-a');
    expect(turns()).toEqual([1, 2, 2, 2, 1, 1]);
    climbs.found('nonfinite-nan-b');
    climbs.found('crash-c');
    expect(turns().every((at) => at === undefined)).toBe(true);
  });

  test('that come no nearer for long have their turns in the order of all alone', () => {
    const climbs = new Climbs([point('a'), point('b')]);
    const margins = [20, 10];
    const count = (turns: number): number[] => {
      const seen = [0, 0];
      for (let n = 0; n < turns; n++) {
        const at = climbs.next() as number;
        seen[at]++;
        const { focus } = climbs.plan(at, 8, ENTRIES, random());
        climbs.take(
          focus,
          { targets: 1, nearer: [], reached: [margins[at]] },
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
    const climbs = new Climbs([point('a')]);
    step(climbs, 0, 1);
    expect(climbs.next()).toBeUndefined();
    expect(climbs.margins.get('a')).toBe(0);
  });
});

describe('lanes', () => {
  test('go on from the nearest entry, and only what comes nearer takes its place', () => {
    const climbs = new Climbs([point('a')]);
    for (let n = 0; n < 6; n++) step(climbs, 20, 7);
    step(climbs, 10, 8);
    step(climbs, 15, 9);
    const { focus, parents } = climbs.plan(0, 64, ENTRIES, random());
    expect(focus.bars.filter((bar) => bar === 10).length).toBeGreaterThan(20);
    focus.bars.forEach((bar, pick) => {
      if (bar === 10) expect(parents[pick]).toBe(8);
      if (bar === 20) expect(parents[pick]).toBe(7);
    });
    expect(climbs.margins.get('a')).toBe(10);
  });

  test('that stand still start anew elsewhere, but for the nearest', () => {
    const climbs = new Climbs([point('a')]);
    for (let n = 0; n < 6; n++) step(climbs, 20 - 2 * n, 7);
    for (let n = 0; n < 300; n++) step(climbs, 50, 7);
    const { focus } = climbs.plan(0, 64, ENTRIES, random());
    expect(focus.bars).toContain(10);
    expect(focus.bars).toContain(FAR);
  });

  test('come back from what was saved, as JSON', () => {
    const climbs = new Climbs([point('a'), point('b')]);
    for (let n = 0; n < 20; n++) step(climbs, 30 - n, n);
    const again = new Climbs([point('a'), point('b')]);
    again.restore(JSON.parse(JSON.stringify(climbs.save())), true);
    expect(again.save()).toEqual(climbs.save());
    expect(again.plan(0, 16, ENTRIES, random())).toEqual(climbs.plan(0, 16, ENTRIES, random()));
    // Where entries are missing, places mean nothing any more.
    const broken = new Climbs([point('a'), point('b')]);
    broken.restore(climbs.save(), false);
    expect(broken.plan(0, 16, ENTRIES, random()).focus.bars.every((bar) => bar === FAR)).toBe(true);
    expect(broken.margins).toEqual(climbs.margins);
  });
});

describe('the point of an objective that is sided', () => {
  const SIDED: Point = { objective: 'quantization', sided: true };
  /** A climb on which class 2 loses at entry 5 and wins at entry 7. */
  const bordered = (): Climbs => {
    const climbs = new Climbs([SIDED]);
    const { focus } = climbs.plan(climbs.next() as number, 8, ENTRIES, random());
    const nearer = [
      { candidate: 5, pick: 0, target: 2, margin: 3 },
      { candidate: 7, pick: 1, target: 2 + SIDES / 2, margin: 4 },
    ];
    const reached = Array.from({ length: SIDES }, (_, target) =>
      Math.min(FAR, ...nearer.filter((one) => one.target === target).map(({ margin }) => margin)),
    );
    climbs.take(
      focus,
      { targets: SIDES, nearer, reached },
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
    const reached = Array.from({ length: SIDES }, (_, target) => (target === 2 ? 0 : FAR));
    climbs.take(
      focus,
      { targets: SIDES, nearer: [], reached },
      () => 8,
      () => undefined,
    );
    expect(climbs.next()).toBe(0);
    expect(climbs.plan(0, 64, ENTRIES, random()).beyond.every((mate) => mate < 0)).toBe(true);
    climbs.enough('quantization-nan-y');
    climbs.enough('nonfinite-nan-y');
    expect(climbs.next()).toBe(0);
    climbs.enough('quantization-class-y');
    expect(climbs.next()).toBeUndefined();
  });
});

test('each element of an operand is a target; of many the nearest and some spread over all', () => {
  const out = targetRoom();
  expect(targetMargins(Float64Array.of(3, 1, 2), out)).toBe(3);
  expect([...out.subarray(0, 3)]).toEqual([3, 1, 2]);
  const many = Float64Array.from({ length: 1000 }, (_, i) => 1000 - i);
  expect(targetMargins(many, out)).toBe(16);
  expect(out[0]).toBe(1);
  expect(out[1]).toBe(1000 - 33);
  expect(new Set(out.subarray(0, 16)).size).toBe(16);
  expect(targetMargins(many, out, true)).toBe(1);
  expect(out[0]).toBe(1);
  expect(targetMargins(Float64Array.of(Number.POSITIVE_INFINITY), out)).toBe(1);
  expect(out[0]).toBe(FAR);
});

test('a signature is a fault of the site that it is named after', () => {
  expect(isFaultOf('nonfinite-nan-log_7', 'log_7')).toBe(true);
  expect(isFaultOf('nonfinite-inf-a_log', 'a/log')).toBe(true);
  expect(isFaultOf('crash-div', 'div')).toBe(true);
  expect(isFaultOf('nonfinite-nan-log_7', 'log')).toBe(false);
  expect(isFaultOf('hang', 'hang')).toBe(false);
});

describe('an objective whose margins lead each to a signature of its own', () => {
  const ways = ['text-words-a', 'text-words-b', 'text-words-c'];
  const make = () => new Climbs([{ objective: 'text-words', sided: false, ways, foresees: true }]);

  /** A task in which every pick comes to a margin at its own target. */
  function climb(climbs: Climbs, margins: readonly number[], looks = true) {
    const at = climbs.next() as number;
    const { focus } = climbs.plan(at, 64, ENTRIES, random(), undefined, looks);
    const reached = margins.map((margin) => margin);
    const nearer = focus.targets.map((target, pick) => ({
      candidate: pick,
      pick,
      target,
      margin: margins[target],
    }));
    climbs.take(
      focus,
      { targets: ways.length, nearer: nearer.filter(({ margin }) => margin > 0), reached },
      () => 8,
      (candidate) => candidate,
    );
    return focus;
  }

  test('has a target for each from the beginning, and all have turns', () => {
    const { targets } = climb(make(), [20, 20, 20]);
    expect(new Set(targets)).toEqual(new Set([0, 1, 2]));
  });

  test('seeks those no more of which enough is kept, and ends with the last', () => {
    const climbs = make();
    climb(climbs, [20, 20, 20]);
    climbs.enough('text-words-b');
    expect(new Set(climb(climbs, [20, 20, 20]).targets)).toEqual(new Set([0, 2]));
    for (const way of ways) climbs.enough(way);
    expect(climbs.next()).toBeUndefined();
  });

  test('goes on toward a way that was come to until enough is kept of it', () => {
    const climbs = make();
    climb(climbs, [5, 20, 20]);
    climb(climbs, [0, 20, 20]);
    const focus = climb(climbs, [6, 20, 20], false);
    expect(new Set(focus.targets)).toEqual(new Set([0]));
    expect(focus.bars.every((bar) => bar === 5)).toBe(true);
  });

  test('looks ahead, and tries what is near in turn', () => {
    const climbs = make();
    expect([true, false].map((tries) => climbs.looksAhead(tries))).toEqual([true, true]);
    climb(climbs, [30, 12, 20]);
    expect([true, false].map((tries) => climbs.looksAhead(tries))).toEqual([true, true]);
    climb(climbs, [30, 9, 20]);
    expect([true, false].map((tries) => climbs.looksAhead(tries))).toEqual([false, true]);
    expect(new Set(climb(climbs, [30, 9, 20], false).targets)).toEqual(new Set([1]));
  });

  test('is saved and goes on as it was', () => {
    const climbs = make();
    climb(climbs, [20, 9, 20]);
    climbs.enough('text-words-b');
    const other = make();
    other.restore(JSON.parse(JSON.stringify(climbs.save())), true);
    expect(other.save()).toEqual(climbs.save());
    expect(new Set(climb(other, [20, 20, 20]).targets)).toEqual(new Set([0, 2]));
  });
});
