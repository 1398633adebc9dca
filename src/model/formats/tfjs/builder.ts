import { bytesOf, sizeOf, type TensorData } from '../../../tensor/tensor.ts';
import { TFJS_WEIGHT_FILE } from './files.ts';

/** A TensorFlow.js graph model: `model.json` and its one weight file. */
export interface TfjsFilesContent {
  readonly json: string;
  readonly weightFile: string;
  readonly weights: Uint8Array;
}

type TfType = 'float32' | 'int32' | 'string';

/** Enum names of TensorFlow's DataType. */
const TF_TYPE_NAME: Readonly<Record<TfType, string>> = {
  float32: 'DT_FLOAT',
  int32: 'DT_INT32',
  string: 'DT_STRING',
};

/** Values of NodeDef attributes in the JSON form of TensorFlow's protocol buffers. */
export const attr = {
  type: (type: TfType) => ({ type: TF_TYPE_NAME[type] }),
  bool: (b: boolean) => ({ b }),
  int: (i: number) => ({ i: String(i) }),
  ints: (list: readonly number[]) => ({ list: { i: list.map(String) } }),
  text: (text: string) => ({ s: Buffer.from(text).toString('base64') }),
};

const shapeAttr = (dims: readonly number[]) => ({ dim: dims.map((size) => ({ size: String(size) })) });

/** Builds graph models in the layout of tensorflowjs_converter. A free dimension is −1. */
export class TfjsBuilder {
  readonly #nodes: object[] = [];
  readonly #weightSpecs: object[] = [];
  readonly #weightData: Uint8Array[] = [];
  readonly #inputs: Record<string, object> = {};
  readonly #outputs: Record<string, object> = {};

  input(name: string, type: TfType, dims: readonly number[]): string {
    this.#nodes.push({
      name,
      op: 'Placeholder',
      attr: { dtype: attr.type(type), shape: { shape: shapeAttr(dims) } },
    });
    this.#inputs[name] = tensorInfo(name, type, dims);
    return name;
  }

  output(name: string, type: TfType, dims: readonly number[]): void {
    this.#outputs[name] = tensorInfo(name, type, dims);
  }

  constant(name: string, type: Exclude<TfType, 'string'>, dims: readonly number[], data: TensorData): string {
    if (sizeOf(dims) !== data.length) throw new Error(`constant ${name} does not fill its shape`);
    return this.#weight(name, type, dims, bytesOf(data));
  }

  /** A constant of strings: each stands behind the number of its bytes, a little-endian uint32. */
  strings(name: string, dims: readonly number[], texts: readonly string[]): string {
    if (sizeOf(dims) !== texts.length) throw new Error(`constant ${name} does not fill its shape`);
    const parts = texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    });
    return this.#weight(name, 'string', dims, Buffer.concat(parts));
  }

  #weight(name: string, type: TfType, dims: readonly number[], bytes: Uint8Array): string {
    const tensor = { dtype: TF_TYPE_NAME[type], tensorShape: shapeAttr(dims) };
    this.#nodes.push({ name, op: 'Const', attr: { dtype: attr.type(type), value: { tensor } } });
    this.#weightSpecs.push({ name, shape: dims, dtype: type });
    this.#weightData.push(bytes);
    return name;
  }

  node(op: string, inputs: readonly string[], name: string, attributes: object = {}): string {
    this.#nodes.push({ name, op, input: inputs, attr: { T: attr.type('float32'), ...attributes } });
    return name;
  }

  finish(): TfjsFilesContent {
    const json = {
      format: 'graph-model',
      generatedBy: 'neurofuzz',
      convertedBy: null,
      signature: { inputs: this.#inputs, outputs: this.#outputs },
      modelTopology: { node: this.#nodes, library: {}, versions: { producer: 1395 } },
      weightsManifest: [{ paths: [TFJS_WEIGHT_FILE], weights: this.#weightSpecs }],
    };
    return {
      json: `${JSON.stringify(json)}\n`,
      weightFile: TFJS_WEIGHT_FILE,
      weights: Buffer.concat(this.#weightData),
    };
  }
}

function tensorInfo(name: string, type: TfType, dims: readonly number[]): object {
  return { name: `${name}:0`, dtype: TF_TYPE_NAME[type], tensorShape: shapeAttr(dims) };
}
