import { attr, TfjsBuilder, type TfjsFilesContent } from '../../src/model/formats/tfjs/builder.ts';
import { CLASSES, type Dense, PIXELS } from './network.ts';

/** The same network as `toOnnx` writes, as a TensorFlow.js graph model. */
export function toTfjs(layers: readonly Dense[]): TfjsFilesContent {
  const graph = new TfjsBuilder();
  const image = graph.input('image', 'float32', [-1, 28, 28, 1]);
  const label = graph.input('label', 'int32', [-1]);
  let values = graph.node(
    'Reshape',
    [image, graph.constant('flat', 'int32', [2], Int32Array.of(-1, PIXELS))],
    'pixels',
  );
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
    const straight = { transpose_a: attr.bool(false), transpose_b: attr.bool(false) };
    const product = graph.node('MatMul', [values, weights], `${name}/product`, straight);
    const sum = graph.node('AddV2', [product, bias], last ? name : `${name}/sum`);
    values = last ? sum : graph.node('Relu', [sum], name);
  });
  const classes = graph.constant('classes', 'int32', [1], Int32Array.of(1));
  const along = { Tidx: attr.type('int32') };
  graph.node('Exp', ['logits'], 'exp');
  graph.node('Sum', ['exp', classes], 'sum', { ...along, keep_dims: attr.bool(true) });
  graph.node('RealDiv', ['exp', 'sum'], 'probabilities');
  graph.node('Log', ['probabilities'], 'log');
  const depth = graph.constant('depth', 'int32', [], Int32Array.of(CLASSES));
  const on = graph.constant('on', 'float32', [], Float32Array.of(1));
  const off = graph.constant('off', 'float32', [], Float32Array.of(0));
  graph.node('OneHot', [label, depth, on, off], 'one_hot', { axis: attr.int(-1), TI: attr.type('int32') });
  graph.node('Mul', ['one_hot', 'log'], 'product');
  graph.node('Sum', ['product', classes], 'likelihood', { ...along, keep_dims: attr.bool(false) });
  graph.node('Neg', ['likelihood'], 'loss');
  graph.output('probabilities', 'float32', [-1, CLASSES]);
  graph.output('loss', 'float32', [-1]);
  return graph.finish();
}
