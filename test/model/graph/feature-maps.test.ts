import { expect, test } from '@jest/globals';
import { findFeatureMaps } from '../../../src/model/graph/feature-maps.ts';
import type { Graph } from '../../../src/model/graph/graph.ts';

const node = (op: string, inputs: readonly string[], output: string) => ({
  name: output,
  op,
  inputs,
  outputs: [output],
  attributes: {},
});

test('feature maps are results of convolutions, also behind activation functions and in residual sums', () => {
  const nodes = [
    node('Conv', ['image', 'w0'], 'sum'),
    node('BatchNormalization', ['sum', 'scale', 'bias', 'mean', 'variance'], 'normal'),
    node('Relu', ['normal'], 'first'),
    node('Conv', ['first', 'w1'], 'second'),
    node('Add', ['second', 'first'], 'residual'),
    node('Add', ['residual', 'constant'], 'shifted'),
    node('Flatten', ['residual'], 'flat'),
    node('Relu', ['flat'], 'hidden'),
    node('Transpose', ['first'], 'turned'),
  ];
  const found = findFeatureMaps({ nodes } as unknown as Graph);
  expect([...found]).toEqual(['sum', 'normal', 'first', 'second', 'residual']);
});
