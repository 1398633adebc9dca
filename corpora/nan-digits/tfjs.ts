import { bytesOf, sizeOf, type TensorData } from '../../src/models/tensor.ts';
import { CLASSES, type Dense, PIXELS } from './network.ts';

/** The classifier as a TensorFlow.js graph model: `model.json` and its one weight file. */
export interface TfjsModel {
  readonly json: string;
  readonly weights: Uint8Array;
}

const WEIGHT_FILE = 'group1-shard1of1.bin';

const type = (name: 'DT_FLOAT' | 'DT_INT32') => ({ type: name });
const shape = (dims: readonly number[]) => ({
  shape: { dim: dims.map((size) => ({ size: String(size) })) },
});

/** Writes the same network as `toOnnx`, as tensorflowjs_converter lays a graph model out. */
export function toTfjs(layers: readonly Dense[]): TfjsModel {
  const nodes: object[] = [];
  const specs: { name: string; shape: number[]; dtype: 'float32' | 'int32' }[] = [];
  const parts: Uint8Array[] = [];
  const constant = (name: string, dtype: 'float32' | 'int32', dims: number[], data: TensorData): string => {
    const kind = dtype === 'float32' ? 'DT_FLOAT' : 'DT_INT32';
    nodes.push({ name, op: 'Const', attr: { dtype: type(kind), value: { tensor: { dtype: kind, tensorShape: shape(dims).shape } } } });
    if (sizeOf(dims) !== data.length) throw new Error(`constant ${name} does not fill its shape`);
    specs.push({ name, shape: dims, dtype });
    parts.push(bytesOf(data));
    return name;
  };
  const node = (op: string, input: string[], name: string, attr: object = {}): string => {
    nodes.push({ name, op, input, attr: { T: type('DT_FLOAT'), ...attr } });
    return name;
  };
  const placeholder = (name: string, dtype: 'DT_FLOAT' | 'DT_INT32', dims: number[]): void => {
    nodes.push({ name, op: 'Placeholder', attr: { dtype: type(dtype), shape: shape(dims) } });
  };

  placeholder('image', 'DT_FLOAT', [-1, 28, 28, 1]);
  placeholder('label', 'DT_INT32', [-1]);
  let values = node('Reshape', ['image', constant('flat', 'int32', [2], Int32Array.of(-1, PIXELS))], 'pixels');
  layers.forEach((layer, i) => {
    const last = i === layers.length - 1;
    const name = last ? 'logits' : `hidden_${i + 1}`;
    const weights = constant(`${name}/weights`, 'float32', [layer.inputs, layer.outputs], layer.weights);
    const bias = constant(`${name}/bias`, 'float32', [layer.outputs], layer.bias);
    const product = node('MatMul', [values, weights], `${name}/product`, {
      transpose_a: { b: false },
      transpose_b: { b: false },
    });
    const sum = node('AddV2', [product, bias], last ? name : `${name}/sum`);
    values = last ? sum : node('Relu', [sum], name);
  });
  const classes = constant('classes', 'int32', [1], Int32Array.of(1));
  const onto = { Tidx: type('DT_INT32') };
  node('Exp', ['logits'], 'exp');
  node('Sum', ['exp', classes], 'sum', { ...onto, keep_dims: { b: true } });
  node('RealDiv', ['exp', 'sum'], 'probabilities');
  node('Log', ['probabilities'], 'log');
  const depth = constant('depth', 'int32', [], Int32Array.of(CLASSES));
  const on = constant('on', 'float32', [], Float32Array.of(1));
  const off = constant('off', 'float32', [], Float32Array.of(0));
  node('OneHot', ['label', depth, on, off], 'one_hot', { axis: { i: '-1' }, TI: type('DT_INT32') });
  node('Mul', ['one_hot', 'log'], 'product');
  node('Sum', ['product', classes], 'likelihood', { ...onto, keep_dims: { b: false } });
  node('Neg', ['likelihood'], 'loss');

  const tensor = (name: string, dtype: 'DT_FLOAT' | 'DT_INT32', dims: number[]) => ({
    name: `${name}:0`,
    dtype,
    tensorShape: shape(dims).shape,
  });
  const json = {
    format: 'graph-model',
    generatedBy: 'neurofuzz nan-digits',
    convertedBy: null,
    signature: {
      inputs: { image: tensor('image', 'DT_FLOAT', [-1, 28, 28, 1]), label: tensor('label', 'DT_INT32', [-1]) },
      outputs: {
        probabilities: tensor('probabilities', 'DT_FLOAT', [-1, CLASSES]),
        loss: tensor('loss', 'DT_FLOAT', [-1]),
      },
    },
    modelTopology: { node: nodes, library: {}, versions: { producer: 1395 } },
    weightsManifest: [{ paths: [WEIGHT_FILE], weights: specs }],
  };
  return { json: `${JSON.stringify(json)}\n`, weights: Buffer.concat(parts) };
}

export { WEIGHT_FILE };
