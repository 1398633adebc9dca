import { ModelProto } from '../../src/models/graph/onnx-proto.ts';
import { bytesOf, type TensorData } from '../../src/models/tensor.ts';
import { CLASSES, type Dense, PIXELS } from './network.ts';

/** TensorProto.DataType numbers of the ONNX specification. */
const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
/** AttributeProto.AttributeType.INT. */
const ATTRIBUTE_INT = 2;

const constant = (name: string, dataType: number, dims: number[], data: TensorData) => ({
  name,
  dataType,
  dims,
  rawData: bytesOf(data),
});

const node = (opType: string, input: string[], output: string, ints: Record<string, number> = {}) => ({
  opType,
  name: output,
  input,
  output: [output],
  attribute: Object.entries(ints).map(([name, i]) => ({ name, i, type: ATTRIBUTE_INT })),
});

const value = (name: string, elemType: number, dims: (string | number)[]) => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: dims.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d })) },
    },
  },
});

/** The classifier with its unsafe softmax and cross-entropy as an ONNX file (opset 13). */
export function toOnnx(layers: readonly Dense[]): Uint8Array {
  const constants = [
    constant('flat', INT64, [2], BigInt64Array.of(-1n, BigInt(PIXELS))),
    constant('depth', INT32, [], Int32Array.of(CLASSES)),
    constant('off_on', FLOAT, [2], Float32Array.of(0, 1)),
    constant('classes', INT64, [1], BigInt64Array.of(1n)),
  ];
  const nodes = [node('Reshape', ['image', 'flat'], 'pixels')];
  let values = 'pixels';
  layers.forEach((layer, i) => {
    const name = i < layers.length - 1 ? `hidden_${i + 1}` : 'logits';
    constants.push(
      constant(`${name}/weights`, FLOAT, [layer.inputs, layer.outputs], layer.weights),
      constant(`${name}/bias`, FLOAT, [layer.outputs], layer.bias),
    );
    const sum = i < layers.length - 1 ? `${name}/sum` : name;
    nodes.push(node('Gemm', [values, `${name}/weights`, `${name}/bias`], sum));
    if (sum !== name) nodes.push(node('Relu', [sum], name));
    values = name;
  });
  nodes.push(
    node('Exp', ['logits'], 'exp'),
    node('ReduceSum', ['exp', 'classes'], 'sum', { keepdims: 1 }),
    node('Div', ['exp', 'sum'], 'probabilities'),
    node('Log', ['probabilities'], 'log'),
    node('OneHot', ['label', 'depth', 'off_on'], 'one_hot', { axis: -1 }),
    node('Mul', ['one_hot', 'log'], 'product'),
    node('ReduceSum', ['product', 'classes'], 'likelihood', { keepdims: 0 }),
    node('Neg', ['likelihood'], 'loss'),
  );
  const model = ModelProto.fromObject({
    irVersion: 8,
    producerName: 'neurofuzz nan-digits',
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'nan-digits',
      node: nodes,
      initializer: constants,
      input: [value('image', FLOAT, ['batch', 28, 28, 1]), value('label', INT32, ['batch'])],
      output: [value('probabilities', FLOAT, ['batch', CLASSES]), value('loss', FLOAT, ['batch'])],
    },
  });
  return ModelProto.encode(model).finish();
}
