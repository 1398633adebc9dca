import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { CLASSES, type Dense, PIXELS } from './network.ts';

/** The classifier with its unsafe softmax and cross-entropy as an ONNX file. */
export function toOnnx(layers: readonly Dense[]): Uint8Array {
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', ['batch', 28, 28, 1]);
  const label = graph.input('label', 'int32', ['batch']);
  const classes = graph.constant('classes', 'int64', [1], BigInt64Array.of(1n));
  const flat = graph.constant('flat', 'int64', [2], BigInt64Array.of(-1n, BigInt(PIXELS)));
  let values = graph.node('Reshape', [image, flat], 'pixels');
  layers.forEach((layer, i) => {
    const last = i === layers.length - 1;
    const name = last ? 'logits' : `hidden_${i + 1}`;
    const weights = graph.constant(
      `${name}/weights`,
      'float32',
      [layer.inputs, layer.outputs],
      layer.weights,
    );
    const bias = graph.constant(`${name}/bias`, 'float32', [layer.outputs], layer.bias);
    const sum = graph.node('Gemm', [values, weights, bias], last ? name : `${name}/sum`);
    values = last ? sum : graph.node('Relu', [sum], name);
  });
  graph.node('Exp', ['logits'], 'exp');
  graph.node('ReduceSum', ['exp', classes], 'sum', { keepdims: 1 });
  graph.node('Div', ['exp', 'sum'], 'probabilities');
  graph.node('Log', ['probabilities'], 'log');
  const depth = graph.constant('depth', 'int32', [], Int32Array.of(CLASSES));
  const offOn = graph.constant('off_on', 'float32', [2], Float32Array.of(0, 1));
  graph.node('OneHot', [label, depth, offOn], 'one_hot', { axis: -1 });
  graph.node('Mul', ['one_hot', 'log'], 'product');
  graph.node('ReduceSum', ['product', classes], 'likelihood', { keepdims: 0 });
  graph.node('Neg', ['likelihood'], 'loss');
  graph.output('probabilities', 'float32', ['batch', CLASSES]);
  graph.output('loss', 'float32', ['batch']);
  return graph.finish('nan-digits');
}
