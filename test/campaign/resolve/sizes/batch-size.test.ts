import { expect, test } from '@jest/globals';
import {
  type BatchSizeOptions,
  resolveBatchSize,
} from '../../../../src/campaign/resolve/sizes/batch-size.ts';
import type { GraphNode } from '../../../../src/model/graph/graph.ts';
import { graphOf, node } from '../../../support/graphs.ts';
import { testcaseOf } from '../../../support/tasks.ts';

const shapeOf = (size: number) => testcaseOf(new Array<number>(size).fill(0)).form;

const modelOf = (...nodes: GraphNode[]): BatchSizeOptions['model'] => ({
  graph: graphOf({ nodes, outputs: ['y'], shapes: { wide: ['batch', 512, 4096] } }),
  inputs: [{ name: 'x', type: 'float32', shape: [null, null] }],
});
const MODEL = modelOf();

/** Resolves a batch size; returns it with the messages for the user. */
function resolve(batch: number | undefined, fields: Partial<BatchSizeOptions> = {}) {
  const infos: string[] = [];
  const options = { model: MODEL, objectives: [], shapes: [shapeOf(784)], largestBatch: 1e9, ...fields };
  const size = resolveBatchSize({ batch }, options, { info: (text) => infos.push(text), warn: () => {} });
  return { size, infos };
}

test('the default follows from the values of the largest testcase', () => {
  expect(resolve(undefined).size).toBe(256);
  expect(resolve(undefined, { shapes: [shapeOf(784), shapeOf(10_000)] }).size).toBe(16);
});

test('64 texts are completed together', () => {
  const generation = {} as NonNullable<BatchSizeOptions['model']['generation']>;
  expect(resolve(undefined, { model: { ...MODEL, generation } }).size).toBe(64);
});

test('a model with a loop that is not looked into has small batches unless asked for others', () => {
  const model = modelOf(node('StatelessWhile', ['x'], 'loop'));
  expect(resolve(undefined, { model }).size).toBe(32);
  expect(resolve(undefined, { model, shapes: [shapeOf(10_000)] }).size).toBe(16);
  expect(resolve(64, { model }).size).toBe(64);
});

test('a model that makes large tensors of small inputs has batches that fit', () => {
  const model = modelOf(node('Resize', ['x'], 'wide'));
  expect(resolve(undefined, { model }).size).toBe(16);
  expect(resolve(64, { model }).size).toBe(64);
});

test('a batch is never larger than the model takes', () => {
  expect(resolve(500).size).toBe(500);
  expect(resolve(500, { largestBatch: 1 }).size).toBe(1);
  expect(resolve(undefined, { largestBatch: 1 }).size).toBe(1);
});

test('an objective that times runs has batches of one, says so, and refuses another size', () => {
  const objectives = [{ name: 'assert' }, { name: 'slow', timed: true }];
  const { size, infos } = resolve(undefined, { objectives });
  expect(size).toBe(1);
  expect(infos).toEqual(['slow: each run has one testcase, and its findings may not be reproducible']);
  expect(() => resolve(2, { objectives })).toThrow(
    '--batch: slow times each testcase separately: remove --batch',
  );
});
