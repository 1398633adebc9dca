import { expect, test } from '@jest/globals';
import type { ResolvedInputs } from '../../../../src/campaign/resolve/inputs.ts';
import {
  NO_SIZE_CHANGES,
  resizedDescriptors,
  resolveSizeChanges,
} from '../../../../src/campaign/resolve/sizes/size-changes.ts';
import type { ModelInfo } from '../../../../src/model/model.ts';
import { traitsOf } from '../../../support/mutators.ts';
import { testcaseOf } from '../../../support/tasks.ts';

const SEEDS = [4, 6].map((length) => testcaseOf(Array.from({ length }, (_, i) => i / 8)));
const INPUTS = {
  inputs: [{ name: 'x', type: 'float32', shape: [null, null], dimensions: ['batch', 'T'] }],
  seeds: SEEDS,
  descriptors: [traitsOf({ size: 6 })],
  lengthChanges: undefined,
} as unknown as ResolvedInputs;

const modelOf = (...ops: string[]) =>
  ({
    graph: {
      nodes: ops.map((op) => ({ name: op, op, inputs: [], outputs: [] })),
      inputs: ['x'],
      outputs: [],
      constants: new Map(),
      values: new Map(),
      shapes: new Map(),
      types: new Map(),
    },
    inputs: INPUTS.inputs,
    outputs: ['y'],
    runtime: { kind: 'onnx' },
  }) as unknown as ModelInfo;

/** Resolves sizes of a model that runs where `runs` says so; gives them with the lines for the user. */
async function resolve(
  runs: (size: number) => boolean,
  config: Parameters<typeof resolveSizeChanges>[2] = { mutator: undefined } as never,
  model = modelOf('Relu'),
) {
  const lines: string[] = [];
  let tries = 0;
  const changes = await resolveSizeChanges(
    model,
    INPUTS,
    config,
    async ({ inputs: [data] }) => {
      tries++;
      return runs(data.length) ? undefined : { message: 'fails', wasNotRun: false };
    },
    { info: (line) => lines.push(line), warn: (line) => lines.push(`warning: ${line}`) },
  );
  return { changes, lines, tries };
}

test('sizes that run take turns, those that fail are told as findings, and what lies above is named', async () => {
  const { changes, lines } = await resolve((size) => size >= 2 && size !== 3);
  expect(changes.running.map(({ size }) => size)).toEqual([2, 7]);
  expect(changes.failing.map(({ size }) => size)).toEqual([3]);
  expect(changes.untried).toEqual(['sizes of T above 7']);
  expect(lines).toEqual([
    'size T is 4 to 6 in the seeds; one task in 16 uses 2, 7 instead',
    'warning: the model leaves size T dynamic and fails with every tried seed at size 3: that is a finding',
  ]);
});

test('nothing is tried where distances are limited, models compared or branches chosen, and that is said', async () => {
  for (const [config, model] of [
    [{ linf: 0.1 }, modelOf('Relu')],
    [{ against: 'other.onnx' }, modelOf('Relu')],
    [{}, modelOf('If')],
  ] as const) {
    const { changes, tries } = await resolve(() => true, config as never, model);
    expect(tries).toBe(0);
    expect(changes).toMatchObject({ running: [], failing: [] });
    expect(changes.untried).toEqual([expect.stringMatching(/^sizes of T other than the seeds': /)]);
  }
});

test('a length that is set is wanted as it is', async () => {
  const config = { tokens: { x: { length: [1, 64] } } } as never;
  expect((await resolve(() => true, config)).changes).toEqual(NO_SIZE_CHANGES);
});

test('buffers hold the largest size of any seed', async () => {
  const { changes } = await resolve(() => true);
  expect(resizedDescriptors(INPUTS, changes.running)?.[0].size).toBe(7);
  expect(resizedDescriptors(INPUTS, [])).toBeUndefined();
});
