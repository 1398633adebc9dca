import { expect, test } from '@jest/globals';
import { innerTensorsOf } from '../../src/evaluation/expected-violation.ts';
import { objectiveTensors, watchedTensors } from '../../src/evaluation/watched-tensors.ts';

const graph = {
  nodes: [],
  inputs: ['x'],
  outputs: ['y'],
  constants: new Map(),
  values: new Map(),
  shapes: new Map(),
  types: new Map(),
};
const model = {
  inputs: [{ name: 'x', type: 'float32' as const, shape: [1] }],
  outputs: ['y'],
  graph,
  watchable: ['hidden', 'deep', 'weights', 'y'],
};
const objectives = [{ tensors: ['x', 'hidden'] }, { tensors: ['y', 'hidden', 'deep'] }, {}];

test('objectives need inner tensors exposed, each once', () => {
  expect(objectiveTensors(objectives, model)).toEqual(['hidden', 'deep']);
});

test('an objective may choose them by the model', () => {
  const choosing = {
    chooseTensors: ({ watchable }: { readonly watchable: readonly string[] }) => watchable.slice(2),
  };
  expect(objectiveTensors([...objectives, choosing], model)).toEqual(['hidden', 'deep', 'weights']);
});

test('tensors for coverage come first', () => {
  expect(watchedTensors(['logits', 'deep'], objectives, model)).toEqual(['logits', 'deep', 'hidden']);
});

test('an expected violation needs the inner tensors it was found in', () => {
  expect(innerTensorsOf({ signature: 's', tensors: ['y', 'hidden'] }, model)).toEqual(['hidden']);
});
