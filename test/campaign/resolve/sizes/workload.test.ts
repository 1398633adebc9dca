import { expect, test } from '@jest/globals';
import {
  drawnSeedCount,
  firstLookSeconds,
  resolveWorkload,
  usualWorkload,
} from '../../../../src/campaign/resolve/sizes/workload.ts';
import type { Graph } from '../../../../src/model/graph/graph.ts';
import type { ModelInfo } from '../../../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../../src/model/testcase-batch.ts';

/** A convolution of `filters` 3×3 filters on 3×side×side. */
function modelOf(side: number, filters: number, kind: 'onnx' | 'cpu' = 'onnx') {
  const graph = {
    nodes: [{ name: 'c', op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: ['x'],
    outputs: ['y'],
    constants: new Map([['w', [filters, 3, 3, 3]]]),
    values: new Map(),
    shapes: new Map(),
    types: new Map(),
  } satisfies Graph;
  const inputs = [{ name: 'x', type: 'float32', shape: [1, 3, side, side] }] as const;
  const shape = shapeSignatureOf([makeTestcaseInput(inputs[0], [3, side, side])]);
  const model = { graph, inputs, runtime: { kind } } as unknown as ModelInfo;
  return { model, shape, testcaseInputs: [{ ...inputs[0], shape: [3, side, side] }] };
}

const workloadOf = (side: number, filters: number, batch: number, time?: string, kind?: 'cpu') =>
  resolveWorkload({ time }, { ...modelOf(side, filters, kind), batch, drawnSeeds: undefined });

test('a small model has the usual sizes, even within seconds', () => {
  expect(workloadOf(16, 4, 256, '10s')).toEqual({
    ...usualWorkload(256),
    runMicroseconds: expect.any(Number),
  });
});

test('a calibration takes a tenth of --time and five seconds at most, by the estimate', () => {
  for (const time of ['5s', '10s', '1m', undefined]) {
    const { calibrationMutants, runMicroseconds } = workloadOf(640, 64, 1, time);
    expect(calibrationMutants).toBeLessThan(2048);
    expect(calibrationMutants * runMicroseconds).toBeLessThanOrEqual(1e6 * firstLookSeconds({ time }));
  }
  expect(firstLookSeconds({ time: '10s' })).toBe(1);
  expect(firstLookSeconds({ time: '8h' })).toBe(5);
});

test('a model that generates text costs what its tokens do, since its own graph is hidden', () => {
  const { model, shape } = modelOf(16, 4);
  const generating = (maxTokens: number, weightsPerToken: number, time: string) =>
    resolveWorkload(
      { time },
      {
        model: { ...model, generation: { maxTokens, weightsPerToken } } as unknown as ModelInfo,
        shape,
        batch: 64,
        drawnSeeds: undefined,
      },
    );
  const small = generating(64, 1e5, '10s');
  expect(small.calibrationMutants * small.runMicroseconds).toBeLessThanOrEqual(1e6);
  expect(small).toMatchObject({ calibrationMutants: 128, taskMutants: 64 });
  expect(generating(8, 1e5, '10s').calibrationMutants).toBe(1024);
  expect(generating(64, 124e6, '10s').calibrationMutants).toBeLessThan(4 * 2);
});

test('equal models and settings have equal workloads; a slower runtime gets fewer mutants, but some', () => {
  expect(workloadOf(640, 64, 1, '10s')).toEqual(workloadOf(640, 64, 1, '10s'));
  expect(workloadOf(640, 64, 1, '10s', 'cpu').calibrationMutants).toBe(4);
});

test('a large row is edited, costs what its run is worth in copies, and has tasks of whole picks', () => {
  const light = workloadOf(640, 1, 1);
  expect(light).toMatchObject({ editsRows: true, taskMutants: 32 });
  expect(light.runCost).toBeLessThan(43);
  expect(workloadOf(640, 256, 1).runCost).toBeGreaterThan(light.runCost);
  // Runs of a second each: tasks of one mutant, so that results come in.
  expect(workloadOf(640, 256, 1, undefined, 'cpu').taskMutants).toBe(1);
});

test('drawn seeds are 64 MB at most, and fewer of a slow model', () => {
  const count = (side: number, filters: number, kind?: 'cpu') => {
    const { model, testcaseInputs } = modelOf(side, filters, kind);
    return drawnSeedCount(model, testcaseInputs, { time: '10s' }, 32);
  };
  expect(count(16, 4)).toBe(32);
  expect(count(640, 1)).toBe(Math.floor(2 ** 26 / (4 * 3 * 640 * 640)));
  expect(count(64, 512, 'cpu')).toBeLessThan(8);
  expect(count(640, 512, 'cpu')).toBe(1);
});
