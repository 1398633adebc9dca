import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../src/model/formats/onnx/graph.ts';
import { hasRectifier } from '../../src/saliency/rectifiers.ts';

function finds(build: (graph: OnnxBuilder, x: string) => string): boolean {
  const graph = new OnnxBuilder();
  const output = build(graph, graph.input('x', 'float32', ['batch', 4]));
  graph.output(output, 'float32', ['batch', 4]);
  return hasRectifier(readOnnx(graph.finish('rectifiers'), 'rectifiers.onnx').graph, 'x', output);
}

test('Relu and Clip from 0 on are rectifiers, on the way to the scores alone', () => {
  const limit = (graph: OnnxBuilder, low: number): string =>
    graph.constant('low', 'float32', [], Float32Array.of(low));
  expect(finds((g, x) => g.node('Relu', [x], 'y'))).toBe(true);
  expect(finds((g, x) => g.node('Clip', [x, limit(g, 0)], 'y'))).toBe(true);
  expect(finds((g, x) => g.node('Clip', [x, limit(g, -1)], 'y'))).toBe(false);
  expect(finds((g, x) => g.node('Tanh', [x], 'y'))).toBe(false);
  expect(
    finds((g, x) => {
      g.node('Relu', [x], 'beside');
      return g.node('Tanh', [x], 'y');
    }),
  ).toBe(false);
});
