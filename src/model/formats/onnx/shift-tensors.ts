import type { DType } from '../../../tensor/tensor.ts';
import { encodeModel } from './control-flow/encode-model.ts';
import { decodeOnnx } from './decode-model.ts';
import { ATTRIBUTE_TYPE, type OnnxNode } from './proto.ts';
import { DATA_TYPE } from './tensor.ts';

/** Name of the input of type float32 that is added to a shifted tensor, by its index. */
export function shiftInput(index: number): string {
  return `neurofuzz/shift/${index}`;
}

/**
 * The same ONNX file in which inputs are added to some inner tensors: where such an input is 0, the model computes what it did.
 *
 * @param tensors results of nodes of the main graph, of floating point
 * @param typeOf the type of a tensor; float32 where it is not known
 * @throws Error where a tensor is the result of no node
 */
export function shiftTensors(
  bytes: Uint8Array,
  tensors: readonly string[],
  typeOf: (tensor: string) => DType | undefined,
): Uint8Array {
  const model = decodeOnnx(bytes, 'the model');
  const nodes: OnnxNode[] = [];
  const found = new Set<string>();
  const make = (opType: string, input: string[], output: string, attribute: object[] = []): OnnxNode =>
    ({ opType, name: `${output}/neurofuzz`, domain: '', input, output: [output], attribute }) as OnnxNode;
  for (const node of model.graph?.node ?? []) {
    const shifted = node.output.filter((name) => tensors.includes(name));
    nodes.push(
      shifted.length === 0
        ? node
        : {
            ...node,
            output: node.output.map((name) => (shifted.includes(name) ? unshifted(name) : name)),
          },
    );
    for (const name of shifted) {
      found.add(name);
      const input = shiftInput(tensors.indexOf(name));
      const type = typeOf(name) ?? 'float32';
      const cast = `${input}/cast`;
      if (type !== 'float32')
        nodes.push(
          make('Cast', [input], cast, [{ name: 'to', i: DATA_TYPE[type], type: ATTRIBUTE_TYPE.int }]),
        );
      nodes.push(make('Add', [unshifted(name), type === 'float32' ? input : cast], name));
    }
  }
  const missing = tensors.find((name) => !found.has(name));
  if (missing !== undefined) throw new Error(`${missing} is the result of no node`);
  const inputs = tensors.map((_, i) => ({
    name: shiftInput(i),
    type: { tensorType: { elemType: DATA_TYPE.float32, shape: null } },
  }));
  const graph = { ...model.graph, node: nodes, input: [...(model.graph?.input ?? []), ...inputs] };
  return encodeModel({ ...model, graph } as typeof model);
}

function unshifted(tensor: string): string {
  return `${tensor}/neurofuzz/unshifted`;
}
