import { ATTRIBUTE_TYPE, ModelProto } from './proto.ts';

/**
 * The same ONNX file with further nodes and outputs. Protobuf merges a message that follows another, so a second
 * ModelProto that holds only those is appended; nothing is parsed.
 */
function appendGraph(bytes: Uint8Array, graph: object): Uint8Array {
  const extra = ModelProto.encode(ModelProto.fromObject({ graph })).finish();
  const joined = new Uint8Array(bytes.length + extra.length);
  joined.set(bytes);
  joined.set(extra, bytes.length);
  return joined;
}

/** The same ONNX file with further tensors among its outputs. */
export function exposeOnnxTensors(bytes: Uint8Array, tensors: readonly string[]): Uint8Array {
  return tensors.length === 0 ? bytes : appendGraph(bytes, { output: tensors.map((name) => ({ name })) });
}

/** Names of the two flag outputs of the tensor at an index. */
export function flagOutputNames(index: number): readonly [nonFinite: string, nan: string] {
  return [`neurofuzz_nonfinite_${index}`, `neurofuzz_nan_${index}`];
}

/**
 * The same ONNX file with two scalar outputs for each tensor. The sum of the tensor minus itself is NaN unless all of it
 * is finite; the sum of its magnitudes is NaN only if it holds a NaN. Every version of the operators has this form.
 */
export function flagOnnxTensors(bytes: Uint8Array, tensors: readonly string[]): Uint8Array {
  const output: object[] = [];
  const node: object[] = [];
  tensors.forEach((name, index) => {
    const [nonFinite, nan] = flagOutputNames(index);
    const addSum = (opType: string, input: readonly string[], flag: string): void => {
      const part = `${flag}_part`;
      node.push({ opType, name: part, input, output: [part] });
      const attribute = [{ name: 'keepdims', i: 0, type: ATTRIBUTE_TYPE.int }];
      node.push({ opType: 'ReduceSum', name: flag, input: [part], output: [flag], attribute });
      output.push({ name: flag });
    };
    addSum('Sub', [name, name], nonFinite);
    addSum('Abs', [name], nan);
  });
  return appendGraph(bytes, { node, output });
}
