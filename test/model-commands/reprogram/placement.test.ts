import { describe, expect, test } from '@jest/globals';
import type { InputDescriptor } from '../../../src/inputs/input-descriptor.ts';
import type { Column } from '../../../src/inputs/table-column.ts';
import { placementOf } from '../../../src/model-commands/reprogram/placement.ts';

const NOWHERE = { frame: undefined, patch: undefined };

/** A table of columns with the given ends of their scales. */
function table(ends: readonly (readonly [low: number, high: number])[], columns?: readonly Column[]) {
  return {
    name: 'x',
    domains: ['table', 'numbers'],
    range: { low: 0, high: 1, channels: ends.map(([low, high]) => ({ low, high })) },
    columns,
  } as unknown as InputDescriptor;
}

const place = (descriptor: InputDescriptor, linf?: number) =>
  placementOf(NOWHERE, { linf }, descriptor, [descriptor.columns?.length ?? 3]);

describe('one change for the rows of a table', () => {
  const ends = [
    [0, 1],
    [0, 2],
    [5, 5],
  ] as const;

  test('leaves constant columns, whole numbers and categories as they are', () => {
    const { mask, epsilon } = place(table(ends));
    expect([...mask]).toEqual([1, 1, 0]);
    // A fifth of the shortest scale that may change.
    expect(epsilon).toBeCloseTo(0.2, 12);
    const kinds: Column[] = [{ kind: 'integer' }, { kind: 'range' }, { kind: 'range' }];
    expect([...place(table(ends, kinds)).mask]).toEqual([0, 1, 0]);
  });

  test('is refused where nothing may change, or scales are far apart and no limit is set', () => {
    const fixed: Column[] = [{ kind: 'integer' }, { kind: 'category', values: [0, 1] }, { kind: 'fixed' }];
    expect(() => place(table(ends, fixed))).toThrow(/nothing in x can be changed/);
    const far = table([
      [0, 1],
      [0, 1e5],
      [0, 1],
    ]);
    expect(() => place(far)).toThrow(/scales of different lengths, up to 100000: set --linf/);
    expect(place(far, 0.5).epsilon).toBe(0.5);
  });
});
