import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../../src/model/formats/onnx/graph.ts';
import { dependenciesOf, findInputDependencies } from '../../../src/model/graph/input-dependencies.ts';

test('values, sizes alone, both, and constants are told apart', () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 'time']);
  graph.input('y', 'float32', ['batch', 'width']);
  graph.constant('two', 'int64', [], BigInt64Array.of(2n));
  graph.node('Tanh', ['x'], 'tanh');
  graph.node('Shape', ['tanh'], 'shape');
  graph.node('Mul', ['shape', 'two'], 'doubled');
  graph.node('Cast', ['doubled'], 'sizes', { to: 1 });
  graph.node('Add', ['sizes', 'y'], 'both');
  graph.node('Mul', ['two', 'two'], 'four');
  graph.output('both', 'float32', ['batch', 'width']);
  const { graph: read } = readOnnx(graph.finish('dependencies'), 'dependencies.onnx');
  const dependencies = findInputDependencies(read);
  const of = (tensor: string) => {
    const { values, sizes } = dependenciesOf(dependencies, tensor);
    return [[...values], [...sizes]];
  };
  expect(of('tanh')).toEqual([['x'], []]);
  expect(of('sizes')).toEqual([[], ['x']]);
  expect(of('both')).toEqual([['y'], ['x']]);
  expect(of('four')).toEqual([[], []]);
});
