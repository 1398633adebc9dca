import { describe, expect, test } from '@jest/globals';
import {
  MutantGenerator,
  type MutantGeneratorOptions,
  type TaskStep,
  wholeTask,
} from '../../../src/fuzzer/generation/mutant-generator.ts';
import type { Arm } from '../../../src/fuzzer/scheduling/mutator-arms.ts';
import type { CorpusEntryData, Task } from '../../../src/fuzzer/scheduling/task.ts';
import type { Mutator } from '../../../src/mutators/mutator.ts';
import { traitsOf } from '../../support/mutators.ts';
import { entryOf, taskOf, testcaseOf } from '../../support/tasks.ts';

const armOf = (mutator: Mutator): Arm => ({ mutator, confined: false, geometric: false });

/** Adds a number from the task's stream to every value. */
const SHIFT = armOf({
  mutate(out, offset, parent, { random }) {
    const shift = random.uniform() - 0.5;
    for (let k = 0; k < parent.length; k++) out[offset + k] = parent[k] + shift;
  },
});

/** Writes the mutant's number among those of its pick. */
const NUMBER = armOf({
  mutate(out, offset, parent, { mutantIndex, mutantCount }) {
    for (let k = 0; k < parent.length; k++) out[offset + k] = mutantIndex / mutantCount;
  },
});

const generatorOf = (fields: Partial<MutantGeneratorOptions> = {}): MutantGenerator =>
  new MutantGenerator({
    descriptors: [traitsOf({ size: 2 })],
    arms: [[SHIFT]],
    limits: {},
    lengthChanges: undefined,
    masterSeed: 'generator',
    batch: 64,
    ...fields,
  });

const ENTRIES = [
  entryOf(0, testcaseOf([0.5, 0.5])),
  entryOf(1, testcaseOf([0.25, 0.75])),
  entryOf(2, testcaseOf([0.5, 0.5, 0.5])),
];
const SOURCE = { entryData: (entry: number): CorpusEntryData => ENTRIES[entry] };

interface Mutant {
  readonly number: number;
  readonly pick: number;
  readonly values: number[];
  readonly isVoid: boolean;
}

/** All mutants of a task, copied from the batches they come in. */
function mutantsOf(generator: MutantGenerator, task: Task, step?: TaskStep): Mutant[] {
  const mutants: Mutant[] = [];
  for (const { form, first, rows } of generator.batches(task, SOURCE, () => {}, step)) {
    for (let row = 0; row < rows; row++) {
      const [values] = generator.copy(form, row, row + 1).inputs;
      const pick = generator.pickOf(row);
      mutants.push({
        number: first + row,
        pick,
        values: [...values].map(Number),
        isVoid: generator.isVoid(row),
      });
    }
  }
  return mutants;
}

describe('batches', () => {
  test('hold eight mutants of each pick, numbered through the task', () => {
    const mutants = mutantsOf(generatorOf({ batch: 12 }), taskOf([0, 1, 0]));
    expect(mutants.map(({ number }) => number)).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(mutants.map(({ pick }) => pick)).toEqual(Array.from({ length: 24 }, (_, i) => Math.floor(i / 8)));
    expect(mutants.some(({ isVoid }) => isVoid)).toBe(false);
  });

  test('end with the last mutant of the task, in the middle of a pick', () => {
    const mutants = mutantsOf(generatorOf(), taskOf([0, 1], { mutants: 11 }));
    expect(mutants.length).toBe(11);
    expect(mutants[10].pick).toBe(1);
  });

  test('tell mutators the number of each mutant, also across batches', () => {
    const numbers = mutantsOf(generatorOf({ arms: [[NUMBER]], batch: 3 }), taskOf([0])).map(
      ({ values }) => values[0],
    );
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((n) => n / 8));
  });

  test('are of one shape each, and picks of one shape share them', () => {
    const generator = generatorOf({ descriptors: [traitsOf({ size: 3 })] });
    const batches = [...generator.batches(taskOf([0, 2, 1]), SOURCE)];
    expect(batches.map(({ form, rows }) => [form.inputs[0].size, rows])).toEqual([
      [2, 16],
      [3, 8],
    ]);
    // Of the second batch, whose only pick is the second one.
    expect(generator.pickOf(0)).toBe(1);
  });

  test('report the seconds they took', () => {
    const seconds: number[] = [];
    for (const { rows } of generatorOf({ batch: 8 }).batches(taskOf([0, 1]), SOURCE, (s) => seconds.push(s)))
      expect(rows).toBe(8);
    expect(seconds.length).toBe(2);
    expect(Math.min(...seconds)).toBeGreaterThanOrEqual(0);
  });
});

describe('random numbers', () => {
  test('are the same for the same task in any generator, and others in the next task', () => {
    const first = mutantsOf(generatorOf(), taskOf([0, 1]));
    expect(mutantsOf(generatorOf(), taskOf([0, 1]))).toEqual(first);
    expect(mutantsOf(generatorOf(), taskOf([0, 1], { number: 2 }))).not.toEqual(first);
  });

  test('of a pick do not depend on the picks of other shapes', () => {
    const options = { descriptors: [traitsOf({ size: 3 })] };
    const alone = mutantsOf(generatorOf(options), taskOf([0]));
    const beside = mutantsOf(generatorOf(options), taskOf([0, 2]));
    expect(beside.filter(({ pick }) => pick === 0)).toEqual(alone);
  });

  test('of each step are others, and its picks mutate the parents that it names', () => {
    const task = taskOf([0, 0]);
    const stepOf = (from: number, streamKey: readonly number[]): TaskStep => ({
      from,
      to: from + 1,
      parentOf: () => ENTRIES[1],
      streamKey,
    });
    const generator = generatorOf();
    const [first] = mutantsOf(generator, task, { ...wholeTask(task), to: 1 });
    const [second] = mutantsOf(generator, task, stepOf(1, [1]));
    expect(second.number).toBe(8);
    expect(second.pick).toBe(1);
    const shift = (mutant: Mutant, parent: number): number => mutant.values[0] - parent;
    expect(shift(second, 0.25)).not.toBeCloseTo(shift(first, 0.5), 6);
    // A shift keeps the difference of the two values of entry 1.
    const unclipped = mutantsOf(generator, task, stepOf(1, [1])).filter(({ values }) =>
      values.every((value) => value > 0 && value < 1),
    );
    expect(unclipped.length).toBeGreaterThan(0);
    for (const { values } of unclipped) expect(values[1] - values[0]).toBeCloseTo(0.5, 5);
  });
});

describe('constraints', () => {
  test('mutants stay within the range and the L∞ ball around their ancestor', () => {
    for (const { values } of mutantsOf(generatorOf({ limits: { linf: 0.125 } }), taskOf([0, 1])))
      values.forEach((value) => expect(value >= 0.125 && value <= 0.875).toBe(true));
    const all = mutantsOf(generatorOf({ limits: { linf: 0.125 } }), taskOf([0])).flatMap(
      ({ values }) => values,
    );
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0.375);
    expect(Math.max(...all)).toBeLessThanOrEqual(0.625);
  });

  test('a row that has no legal mutant after four attempts holds its parent, and is void', () => {
    const tokens = { special: [], length: [2, 2], vocabulary: undefined, dictionary: [] } as const;
    const next = armOf({
      mutate(out, offset, parent) {
        for (let k = 0; k < parent.length; k++) out[offset + k] = parent[k] + 1;
      },
    });
    const generator = generatorOf({
      descriptors: [traitsOf({ type: 'int32', size: 2, range: { low: 0, high: 9 }, tokens })],
      arms: [[next]],
      limits: { edits: 1 },
    });
    const entry = entryOf(0, testcaseOf([4, 5], 'int32'));
    const source = { entryData: () => entry };
    const [{ form, rows }] = [...generator.batches(taskOf([0]), source)];
    expect(rows).toBe(8);
    // Two substitutions a mutant, where one is allowed.
    expect(generator.rejected).toBe(4 * 8);
    expect([...generator.copy(form, 0, 2).inputs[0]]).toEqual([4, 5, 4, 5]);
    expect(generator.isVoid(0)).toBe(true);
    // The next task counts anew.
    for (const _ of generator.batches(taskOf([0], { mutants: 1 }), source));
    expect(generator.rejected).toBe(4);
  });
});

test('rows are views of the batch, copies are not', () => {
  const generator = generatorOf();
  const [{ form }] = [...generator.batches(taskOf([0]), SOURCE)];
  const [view, copy] = [generator.rows(form, 0, 1).inputs[0], generator.copy(form, 0, 1).inputs[0]];
  expect(copy).toEqual(view);
  view[0] = 42;
  expect(generator.rows(form, 0, 1).inputs[0][0]).toBe(42);
  expect(copy[0]).not.toBe(42);
});
