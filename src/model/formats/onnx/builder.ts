import { bytesOf, type DType, type TensorData } from '../../../tensor/tensor.ts';
import { ATTRIBUTE_TYPE, ModelProto } from './proto.ts';
import { DATA_TYPE, STRING_TYPE } from './tensor.ts';

/** An attribute of a node: an integer, a list of integers, another kind by name, or the graph that a Loop or an If runs. */
export type NodeAttribute =
  | number
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | OnnxBuilder;

export type NodeAttributes = Readonly<Record<string, NodeAttribute>>;

/** Type of an input or output: of a tensor, or of a list of maps as ZipMap makes one. */
export type ValueType = DType | 'string' | { readonly mapsFrom: 'string' | 'int64' };

/** The domain of the operations that converters of scikit-learn write. */
export const ML_DOMAIN = 'ai.onnx.ml';

/** The domain of ONNX Runtime's own operations. */
export const MICROSOFT_DOMAIN = 'com.microsoft';

/** Versions of the other domains. */
const DOMAIN_VERSIONS = { [ML_DOMAIN]: 3, [MICROSOFT_DOMAIN]: 1 };

export type OtherDomain = keyof typeof DOMAIN_VERSIONS;

/** A dimension of an input or output: a size, or the name of a free one. */
export type Dimension = number | string;

/** Builds ONNX graphs: nodes in the order in which they are added, each named after its first output. */
export class OnnxBuilder {
  readonly #nodes: object[] = [];
  readonly #constants: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  readonly #domains = new Set<OtherDomain>();

  /** @param dims left out where the runtime is to infer them */
  input(name: string, type: ValueType, dims?: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  /** @param dims left out where the runtime is to infer them */
  output(name: string, type: ValueType, dims?: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, type, dims));
  }

  constant(name: string, type: DType, dims: readonly number[], data: TensorData): string {
    this.#constants.push({ name, dataType: DATA_TYPE[type], dims, rawData: bytesOf(data) });
    return name;
  }

  strings(name: string, dims: readonly number[], values: readonly string[]): string {
    const stringData = values.map((value) => Buffer.from(value));
    this.#constants.push({ name, dataType: STRING_TYPE, dims, stringData });
    return name;
  }

  /**
   * @param outputs names; an empty one omits that output
   * @param domain of the operation; empty for the default one
   * @returns the first name that is not empty
   */
  node(
    op: string,
    inputs: readonly string[],
    outputs: string | readonly string[],
    attributes: NodeAttributes = {},
    domain: '' | OtherDomain = '',
  ): string {
    const output = ([] as string[]).concat(outputs);
    const name = output.find((outputName) => outputName !== '') ?? op;
    const attribute = Object.entries(attributes).map(([key, value]) => ({
      name: key,
      ...encode(key, value),
    }));
    if (domain !== '') this.#domains.add(domain);
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
        ...[...this.#domains].map((domain) => ({ domain, version: DOMAIN_VERSIONS[domain] })),
      ],
      graph: this.graph(name),
    });
    return ModelProto.encode(model).finish();
  }

  /** The graph alone, as a body. */
  graph(name: string): object {
    return {
      name,
      node: this.#nodes,
      initializer: this.#constants,
      input: this.#inputs,
      output: this.#outputs,
    };
  }
}

function encode(name: string, value: NodeAttribute): object {
  if (typeof value === 'number') return { i: value, type: ATTRIBUTE_TYPE.int };
  if (value instanceof OnnxBuilder) return { g: value.graph(name), type: ATTRIBUTE_TYPE.graph };
  if ('float' in value) return { f: value.float, type: ATTRIBUTE_TYPE.float };
  if ('floats' in value) return { floats: value.floats, type: ATTRIBUTE_TYPE.floats };
  if ('string' in value) return { s: Buffer.from(value.string), type: ATTRIBUTE_TYPE.string };
  if ('strings' in value)
    return { strings: value.strings.map((text) => Buffer.from(text)), type: ATTRIBUTE_TYPE.strings };
  return { ints: [...value], type: ATTRIBUTE_TYPE.ints };
}

function valueInfo(name: string, type: ValueType, dims: readonly Dimension[] | undefined): object {
  const dim = dims?.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d }));
  const shape = dim === undefined ? {} : { shape: { dim } };
  if (typeof type === 'string')
    return { name, type: { tensorType: { elemType: elementType(type), ...shape } } };
  const valueType = { tensorType: { elemType: DATA_TYPE.float32 } };
  const elemType = { mapType: { keyType: elementType(type.mapsFrom), valueType } };
  return { name, type: { sequenceType: { elemType } } };
}

function elementType(type: DType | 'string'): number {
  return type === 'string' ? STRING_TYPE : DATA_TYPE[type];
}
