import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OnnxBuilder } from '../../model/formats/onnx/builder.ts';
import { DATA_TYPE } from '../../model/formats/onnx/tensor.ts';
import { attr, TfjsBuilder } from '../../model/formats/tfjs/builder.ts';
import type { DType } from '../../tensor/tensor.ts';
import { type DenseLayer, decoderLayers, encoderLayers, LEAK } from './networks.ts';
import type { Autoencoder } from './train-autoencoder.ts';

/** The input that an autoencoder was trained on. */
export interface CodedInput {
  readonly name: string;
  readonly type: DType;
  /** Without the batch dimension. */
  readonly shape: readonly number[];
}

/** Names of the latent vector and of the class. */
const LATENT = 'latent';
const LABEL = 'label';

/** What both formats have in common: the ops of dense networks. */
interface NetworkWriter {
  input(name: string, type: DType, shape: readonly number[]): string;
  output(name: string, shape: readonly number[]): void;
  constant(name: string, shape: readonly number[], values: Float32Array): string;
  reshape(values: string, shape: readonly number[], name: string): string;
  toFloat(values: string): string;
  binary(op: 'Add' | 'Sub' | 'Mul' | 'Div', a: string, b: string, name: string): string;
  matMul(a: string, b: string, name: string): string;
  leakyRelu(values: string, name: string): string;
  concat(a: string, b: string, name: string): string;
}

/** Writes `encoder.onnx` and `decoder.onnx`, and both as TensorFlow.js models in folders `encoder` and `decoder`. */
export async function writeModels(
  folder: string,
  autoencoder: Autoencoder,
  input: CodedInput,
): Promise<void> {
  for (const [name, write] of [
    ['encoder', writeEncoder],
    ['decoder', writeDecoder],
  ] as const) {
    const onnx = new OnnxWriter();
    write(onnx, autoencoder, input);
    await writeFile(join(folder, `${name}.onnx`), onnx.graph.finish(name, 17));
    const tfjs = new TfjsWriter();
    write(tfjs, autoencoder, input);
    const { json, weightFile, weights } = tfjs.graph.finish();
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'model.json'), json);
    await writeFile(join(folder, name, weightFile), weights);
  }
}

function writeEncoder(w: NetworkWriter, autoencoder: Autoencoder, { name, type, shape }: CodedInput): void {
  const { sizes, scale } = autoencoder;
  const x = w.input(name, type, shape);
  const label = sizes.classes > 0 ? w.input(LABEL, 'float32', [sizes.classes]) : undefined;
  const flat = w.reshape(type === 'float32' ? x : w.toFloat(x), [sizes.input], 'flat');
  const centred = w.binary('Sub', flat, w.constant('middle', [1], Float32Array.of(scale.middle)), 'centred');
  const scaled = w.binary('Div', centred, w.constant('half', [1], Float32Array.of(scale.half)), 'scaled');
  const layers = encoderLayers('encoder', sizes, ['mean']);
  writeLayers(
    w,
    autoencoder,
    layers,
    label === undefined ? scaled : w.concat(scaled, label, 'with_label'),
    LATENT,
  );
  w.output(LATENT, [sizes.latent]);
}

function writeDecoder(w: NetworkWriter, autoencoder: Autoencoder, { name, shape }: CodedInput): void {
  const { sizes, scale } = autoencoder;
  const z = w.input(LATENT, 'float32', [sizes.latent]);
  const label = sizes.classes > 0 ? w.input(LABEL, 'float32', [sizes.classes]) : undefined;
  const values = label === undefined ? z : w.concat(z, label, 'with_label');
  const decoded = writeLayers(w, autoencoder, decoderLayers(sizes), values, 'decoded');
  const widened = w.binary('Mul', decoded, w.constant('half', [1], Float32Array.of(scale.half)), 'widened');
  const moved = w.binary('Add', widened, w.constant('middle', [1], Float32Array.of(scale.middle)), 'moved');
  w.reshape(moved, shape, name === LATENT || name === LABEL ? `${name}_decoded` : name);
  w.output(name === LATENT || name === LABEL ? `${name}_decoded` : name, shape);
}

function writeLayers(
  w: NetworkWriter,
  { weights }: Autoencoder,
  layers: readonly DenseLayer[],
  values: string,
  last: string,
): string {
  const valuesOf = (name: string): Float32Array =>
    weights.find((weight) => weight.name === name)?.values ?? new Float32Array(0);
  return layers.reduce((from, { name, inputs, outputs, isHidden }, i) => {
    const matrix = w.constant(`${name}/weights`, [inputs, outputs], valuesOf(`${name}/weights`));
    const bias = w.constant(`${name}/bias`, [outputs], valuesOf(`${name}/bias`));
    const isLast = i === layers.length - 1;
    const sum = w.binary(
      'Add',
      w.matMul(from, matrix, `${name}/product`),
      bias,
      isLast ? last : `${name}/sum`,
    );
    return isHidden ? w.leakyRelu(sum, `${name}/hidden`) : sum;
  }, values);
}

class OnnxWriter implements NetworkWriter {
  readonly graph = new OnnxBuilder();

  input(name: string, type: DType, shape: readonly number[]): string {
    return this.graph.input(name, type, ['batch', ...shape]);
  }

  output(name: string, shape: readonly number[]): void {
    this.graph.output(name, 'float32', ['batch', ...shape]);
  }

  constant(name: string, shape: readonly number[], values: Float32Array): string {
    return this.graph.constant(name, 'float32', shape, values);
  }

  reshape(values: string, shape: readonly number[], name: string): string {
    const sizes = BigInt64Array.from([-1, ...shape], BigInt);
    return this.graph.node(
      'Reshape',
      [values, this.graph.constant(`${name}/shape`, 'int64', [sizes.length], sizes)],
      name,
    );
  }

  toFloat(values: string): string {
    return this.graph.node('Cast', [values], 'numbers', { to: DATA_TYPE.float32 });
  }

  binary(op: 'Add' | 'Sub' | 'Mul' | 'Div', a: string, b: string, name: string): string {
    return this.graph.node(op, [a, b], name);
  }

  matMul(a: string, b: string, name: string): string {
    return this.graph.node('MatMul', [a, b], name);
  }

  leakyRelu(values: string, name: string): string {
    return this.graph.node('LeakyRelu', [values], name, { alpha: { float: LEAK } });
  }

  concat(a: string, b: string, name: string): string {
    return this.graph.node('Concat', [a, b], name, { axis: 1 });
  }
}

/** Names of the operations in TensorFlow. */
const TF_OPS = { Add: 'AddV2', Sub: 'Sub', Mul: 'Mul', Div: 'RealDiv' } as const;

class TfjsWriter implements NetworkWriter {
  readonly graph = new TfjsBuilder();

  input(name: string, type: DType, shape: readonly number[]): string {
    return this.graph.input(name, type === 'float32' ? 'float32' : 'int32', [-1, ...shape]);
  }

  output(name: string, shape: readonly number[]): void {
    this.graph.output(name, 'float32', [-1, ...shape]);
  }

  constant(name: string, shape: readonly number[], values: Float32Array): string {
    return this.graph.constant(name, 'float32', shape, values);
  }

  reshape(values: string, shape: readonly number[], name: string): string {
    const sizes = Int32Array.from([-1, ...shape]);
    return this.graph.node(
      'Reshape',
      [values, this.graph.constant(`${name}/shape`, 'int32', [sizes.length], sizes)],
      name,
      { Tshape: attr.type('int32') },
    );
  }

  toFloat(values: string): string {
    return this.graph.node('Cast', [values], 'numbers', {
      SrcT: attr.type('int32'),
      DstT: attr.type('float32'),
    });
  }

  binary(op: 'Add' | 'Sub' | 'Mul' | 'Div', a: string, b: string, name: string): string {
    return this.graph.node(TF_OPS[op], [a, b], name);
  }

  matMul(a: string, b: string, name: string): string {
    return this.graph.node('MatMul', [a, b], name, {
      transpose_a: attr.bool(false),
      transpose_b: attr.bool(false),
    });
  }

  leakyRelu(values: string, name: string): string {
    const slope = this.graph.constant(`${name}/slope`, 'float32', [1], Float32Array.of(LEAK));
    return this.graph.node(
      'Maximum',
      [values, this.graph.node('Mul', [values, slope], `${name}/below`)],
      name,
    );
  }

  concat(a: string, b: string, name: string): string {
    const axis = this.graph.constant(`${name}/axis`, 'int32', [], Int32Array.of(1));
    return this.graph.node('ConcatV2', [a, b, axis], name, { N: attr.int(2), Tidx: attr.type('int32') });
  }
}
