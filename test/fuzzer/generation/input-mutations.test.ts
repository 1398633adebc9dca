import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { BoundsCache } from '../../../src/fuzzer/generation/bounds-cache.ts';
import { InputMutations, type PickSlice } from '../../../src/fuzzer/generation/input-mutations.ts';
import { makeScratchBuffers } from '../../../src/fuzzer/generation/scratch-buffers.ts';
import type { Arm } from '../../../src/fuzzer/scheduling/mutator-arms.ts';
import { shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import type { MutationContext } from '../../../src/mutators/mutator.ts';
import { NoisePool } from '../../../src/mutators/simd/noise-pool.ts';
import { traitsOf } from '../../support/mutators.ts';
import { entryOf, taskOf, testcaseOf } from '../../support/tasks.ts';

type Change = (value: number, context: MutationContext, position: number) => number;

const armOf = (change: Change, confined = false): Arm => ({
  mutator: {
    mutate(out, offset, parent, context) {
      for (let k = 0; k < context.shape[0]; k++) out[offset + k] = change(parent[k], context, k);
    },
  },
  confined,
  geometric: false,
});

const DOUBLE = armOf((value) => 2 * value);
const HALF_MORE = armOf((value) => value + 0.5);
const AVERAGE = armOf((value, { partner }, k) => (value + partner[k]) / 2);
const ESCAPE = armOf(() => 7, true);

/** Writes the mutant of values under a stack to row 1 of a batch of two rows. */
function mutate(
  values: readonly number[],
  stack: readonly number[],
  fields: {
    readonly type?: 'float32' | 'int32';
    readonly partner?: readonly number[];
    readonly size?: number;
  } = {},
): number[] {
  const { type = 'float32', partner, size = values.length } = fields;
  const noise = new NoisePool('mutations', [2 * size], size);
  const scratch = makeScratchBuffers(type, Math.max(size, values.length), noise.scratch);
  const range = { low: 0, high: type === 'int32' ? 9 : 1 };
  const mutations = new InputMutations({
    arms: [[DOUBLE, HALF_MORE, AVERAGE, ESCAPE]],
    lengthLeader: undefined,
    noise,
    bounds: new BoundsCache([traitsOf({ type, size, range })], undefined),
    scratch: [scratch],
  });
  const entries = [values, partner ?? []].map((list, i) => entryOf(i, testcaseOf(list, type)));
  const slice: PickSlice = {
    pick: 0,
    form: testcaseOf(new Array(size).fill(0), type).form,
    mutants: 8,
    parent: entries[0],
  };
  const task = taskOf([0], {
    stacks: Array.from({ length: 4 }, (_, step) => stack[step] ?? -1),
    partners: [partner === undefined ? -1 : 1],
  });
  const source = { entryData: (entry: number) => entries[entry] };
  const [mutation] = mutations.prepare(task, source, slice, randomStream('mutations'));
  const batch = type === 'float32' ? noise.inputs[0] : new Int32Array(2 * size);
  mutations.write(mutation, slice, 0, batch, 1, 3);
  return [...batch.subarray(size)];
}

test('mutators of a stack are applied one after the other, each clipped to the bounds', () => {
  expect(mutate([0.125, 0.25], [0, 1])).toEqual([0.75, 1]);
  // (0.25 + 0.5) clipped to 1 before it would be doubled.
  expect(mutate([0.75, 0.125], [1, 0])).toEqual([1, 1]);
});

test('a mutator that stays in its bounds is not clipped', () => {
  expect(mutate([0.5], [3])).toEqual([7]);
});

test('an input without mutators is copied, and resized where its length changes', () => {
  expect(mutate([0.5, 0.25], [])).toEqual([0.5, 0.25]);
  expect(mutate([0.5, 0.25], [], { size: 3 })).toEqual([0.5, 0.25, 0.25]);
});

test('a parent of another length is resized before it is mutated', () => {
  expect(mutate([0.125, 0.25], [0], { size: 3 })).toEqual([0.25, 0.5, 0.5]);
});

test('crossover takes the partner, and the values themselves where there is none', () => {
  expect(mutate([0, 1], [2], { partner: [1, 1] })).toEqual([0.5, 1]);
  expect(mutate([0, 1], [2])).toEqual([0, 1]);
});

test('integers are mutated as float64 and rounded once, at the end of the stack', () => {
  // 1 + 0.5 + 0.5 is 2; rounding in between would make it 3.
  expect(mutate([1, 4], [1, 1], { type: 'int32' })).toEqual([2, 5]);
});

test('a mutator that reads inputs is given those of its type and shape, and the strength of its pick', () => {
  const inputs = [
    { name: 'a', type: 'float32' as const, shape: [2], size: 2 },
    { name: 'b', type: 'float32' as const, shape: [2], size: 2 },
    { name: 'c', type: 'float32' as const, shape: [3], size: 3 },
    { name: 'd', type: 'int32' as const, shape: [2], size: 2 },
  ];
  const seen: unknown[] = [];
  const reader: Arm = {
    ...armOf((value, { siblings, strength }) => {
      seen.push([siblings?.map((values) => [...values]), strength]);
      return value;
    }),
    readsInputs: true,
  };
  const noise = new NoisePool('siblings', [4, 4, 6], 3);
  const mutations = new InputMutations({
    arms: [[reader, DOUBLE], [], [], []],
    lengthLeader: undefined,
    noise,
    bounds: new BoundsCache(
      inputs.map(({ name, type, size }) => traitsOf({ name, type, size })),
      undefined,
    ),
    scratch: inputs.map(({ type, size }) => makeScratchBuffers(type, size, noise.scratch)),
  });
  const data = {
    form: shapeSignatureOf(inputs),
    inputs: [Float32Array.of(0, 1), Float32Array.of(0.5, 0.25), new Float32Array(3), new Int32Array(2)],
  };
  const entry = entryOf(0, data);
  const slice: PickSlice = { pick: 0, form: data.form, mutants: 8, parent: entry };
  const goal = { goalIndex: 0, subgoals: [0], slots: [0], marginsToBeat: [1], best: [1], strengths: [0.125] };
  const stacks = [0, ...new Array<number>(15).fill(-1)];
  const [mutation] = mutations.prepare(
    taskOf([0], { stacks, goal }),
    { entryData: () => entry },
    slice,
    randomStream('siblings'),
  );
  mutations.write(mutation, slice, 0, noise.inputs[0], 0, 0);
  expect(seen[0]).toEqual([[[0.5, 0.25]], 0.125]);
});
