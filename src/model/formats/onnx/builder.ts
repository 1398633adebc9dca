import { bytesOf, type DType, type TensorData } from '../../../tensor/tensor.ts';
import { ATTRIBUTE_TYPE, ModelProto } from './proto.ts';
import { DATA_TYPE } from './tensor.ts';

/** Attributes of a node: integers, lists of integers, floats, texts, or the graph that a Loop or an If runs. */
export type NodeAttributes = Readonly<
  Record<
    string,
    | number
    | readonly number[]
    | { readonly float: number }
    | { readonly floats: readonly number[] }
    | { readonly strings: readonly string[] }
    | OnnxBuilder
  >
>;

/** The domain of the operations that converters of scikit-learn write. */
export const ML_DOMAIN = 'ai.onnx.ml';

/** A dimension of an input or output: a size, or the name of a free one. */
export type Dimension = number | string;

/** Builds ONNX graphs: nodes in the order in which they are added, each named after its first output. */
export class OnnxBuilder {
  readonly #nodes: object[] = [];
  readonly #constants: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  #usesMl = false;

  input(name: string, type: DType, dims: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  output(name: string, type: DType, dims: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, type, dims));
  }

  constant(name: string, type: DType, dims: readonly number[], data: TensorData): string {
    this.#constants.push({ name, dataType: DATA_TYPE[type], dims, rawData: bytesOf(data) });
    return name;
  }

  /**
   * @param outputs names; an empty one omits that output
   * @param domain of the operation; `ML_DOMAIN` is imported as its version 3
   * @returns the first name that is not empty
   */
  node(
    op: string,
    inputs: readonly string[],
    outputs: string | readonly string[],
    attributes: NodeAttributes = {},
    domain: '' | typeof ML_DOMAIN = '',
  ): string {
    const output = ([] as string[]).concat(outputs);
    const name = output.find((outputName) => outputName !== '') ?? op;
    const attribute = Object.entries(attributes).map(([key, value]) => {
      if (typeof value === 'number') return { name: key, i: value, type: ATTRIBUTE_TYPE.int };
      if (value instanceof OnnxBuilder)
        return { name: key, g: value.#graph(key), type: ATTRIBUTE_TYPE.graph };
      if ('strings' in value)
        return {
          name: key,
          strings: value.strings.map((text) => Buffer.from(text)),
          type: ATTRIBUTE_TYPE.strings,
        };
      if ('floats' in value) return { name: key, floats: value.floats, type: ATTRIBUTE_TYPE.floats };
      if ('float' in value) return { name: key, f: value.float, type: ATTRIBUTE_TYPE.float };
      return { name: key, ints: [...value], type: ATTRIBUTE_TYPE.ints };
    });
    this.#usesMl ||= domain === ML_DOMAIN;
    this.#nodes.push({ opType: op, name, domain, input: inputs, output, attribute });
    return name;
  }

  /** The file's bytes. */
  finish(name: string, opset = 13): Uint8Array {
    const model = ModelProto.fromObject({
      irVersion: 8,
      producerName: 'neurofuzz',
      opsetImport: [
        { domain: '', version: opset },
        ...(this.#usesMl ? [{ domain: ML_DOMAIN, version: 3 }] : []),
      ],
      graph: this.#graph(name),
    });
    return ModelProto.encode(model).finish();
  }

  #graph(name: string): object {
    return {
      name,
      node: this.#nodes,
      initializer: this.#constants,
      input: this.#inputs,
      output: this.#outputs,
    };
  }
}

function valueInfo(name: string, type: DType, dims: readonly Dimension[]): object {
  const dim = dims.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d }));
  return { name, type: { tensorType: { elemType: DATA_TYPE[type], shape: { dim } } } };
}
