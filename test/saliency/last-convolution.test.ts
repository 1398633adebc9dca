import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../src/model/formats/onnx/graph.ts';
import { findLastConvolution } from '../../src/saliency/last-convolution.ts';

function graphOf(build: (graph: OnnxBuilder, x: string) => string) {
  const graph = new OnnxBuilder();
  const output = build(graph, graph.input('x', 'float32', ['batch', 1, 4, 4]));
  graph.output(output, 'float32', ['batch', 1, 4, 4]);
  return { graph: readOnnx(graph.finish('last'), 'last.onnx').graph, output };
}

function convolution(graph: OnnxBuilder, from: string, to: string): string {
  const w = graph.constant(`${to}/w`, 'float32', [1, 1, 1, 1], Float32Array.of(1));
  return graph.node('Conv', [from, w], to, { kernel_shape: [1, 1] });
}

test('the activation behind the Relu of the last convolution, through its bias', () => {
  const { graph, output } = graphOf((g, x) => {
    g.node('Relu', [convolution(g, x, 'first')], 'early');
    g.node(
      'Add',
      [convolution(g, 'early', 'second'), g.constant('b', 'float32', [1, 1, 1], Float32Array.of(1))],
      'sum',
    );
    g.node('Relu', ['sum'], 'late');
    return g.node('Abs', ['late'], 'y');
  });
  expect(findLastConvolution(graph, 'x', output)).toEqual({ tensor: 'late', channelsFirst: true });
});

test('without a Relu, or where two nodes read it, the result itself', () => {
  const plain = graphOf((g, x) => g.node('Abs', [convolution(g, x, 'first')], 'y'));
  expect(findLastConvolution(plain.graph, 'x', plain.output)?.tensor).toBe('first');
  const shared = graphOf((g, x) => {
    g.node('Relu', [convolution(g, x, 'first')], 'positive');
    return g.node('Add', ['positive', 'first'], 'y');
  });
  expect(findLastConvolution(shared.graph, 'x', shared.output)?.tensor).toBe('first');
});

test('a convolution beside the way to the scores does not count', () => {
  const { graph } = graphOf((g, x) => {
    convolution(g, x, 'beside');
    return g.node('Abs', [x], 'y');
  });
  expect(findLastConvolution(graph, 'x', 'y')).toBeUndefined();
});
