import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { normal, randomStream } from '../core/random.ts';
import { OnnxBuilder } from '../model/formats/onnx/builder.ts';
import { attr, TfjsBuilder } from '../model/formats/tfjs/builder.ts';

const WIDTHS = [784, 200, 100, 10] as const;

/** What the network is, for people. */
export const BUILTIN = `dense network of ${WIDTHS.join('-')}`;

/** Paths of one small network in two formats. */
export interface BuiltinModels {
  readonly onnx: string;
  readonly tfjs: string;
}

/** Writes a small dense network with random weights into a folder, once for ONNX and once for TensorFlow.js. */
export async function writeBuiltinModels(folder: string): Promise<BuiltinModels> {
  const onnx = new OnnxBuilder();
  const tfjs = new TfjsBuilder();
  const random = randomStream('builtin-model');
  let [x, y] = [
    onnx.input('x', 'float32', ['batch', WIDTHS[0]]),
    tfjs.input('x', 'float32', [-1, WIDTHS[0]]),
  ];
  for (let layer = 1; layer < WIDTHS.length; layer++) {
    const [from, to] = [WIDTHS[layer - 1], WIDTHS[layer]];
    const weights = Float32Array.from({ length: from * to }, () => normal(random) / Math.sqrt(from));
    const [name, sum] = [`weights${layer}`, layer + 1 === WIDTHS.length ? 'logits' : `sum${layer}`];
    x = onnx.node('MatMul', [x, onnx.constant(name, 'float32', [from, to], weights)], sum);
    y = tfjs.node('MatMul', [y, tfjs.constant(name, 'float32', [from, to], weights)], sum, {
      transpose_a: attr.bool(false),
      transpose_b: attr.bool(false),
    });
    if (layer + 1 === WIDTHS.length) break;
    x = onnx.node('Relu', [x], `relu${layer}`);
    y = tfjs.node('Relu', [y], `relu${layer}`);
  }
  onnx.output('logits', 'float32', ['batch', 10]);
  tfjs.output('logits', 'float32', [-1, 10]);
  const paths = { onnx: join(folder, 'builtin.onnx'), tfjs: join(folder, 'builtin', 'model.json') };
  await writeFile(paths.onnx, onnx.finish('builtin'));
  await mkdir(join(folder, 'builtin'), { recursive: true });
  const { json, weightFile, weights } = tfjs.finish();
  await writeFile(paths.tfjs, json);
  await writeFile(join(folder, 'builtin', weightFile), weights);
  return paths;
}
