import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawNormal, randomStream } from '../core/random.ts';
import { OnnxBuilder } from '../model/formats/onnx/builder.ts';
import { attr, TfjsBuilder } from '../model/formats/tfjs/builder.ts';

const LAYER_WIDTHS = [784, 200, 100, 10] as const;

/** Description of the network for display. */
export const BUILTIN_DESCRIPTION = `dense network of ${LAYER_WIDTHS.join('-')}`;

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
    onnx.input('x', 'float32', ['batch', LAYER_WIDTHS[0]]),
    tfjs.input('x', 'float32', [-1, LAYER_WIDTHS[0]]),
  ];
  for (let layer = 1; layer < LAYER_WIDTHS.length; layer++) {
    const [from, to] = [LAYER_WIDTHS[layer - 1], LAYER_WIDTHS[layer]];
    const weights = Float32Array.from({ length: from * to }, () => drawNormal(random) / Math.sqrt(from));
    const [name, sum] = [`weights${layer}`, layer + 1 === LAYER_WIDTHS.length ? 'logits' : `sum${layer}`];
    x = onnx.node('MatMul', [x, onnx.constant(name, 'float32', [from, to], weights)], sum);
    y = tfjs.node('MatMul', [y, tfjs.constant(name, 'float32', [from, to], weights)], sum, {
      transpose_a: attr.bool(false),
      transpose_b: attr.bool(false),
    });
    if (layer + 1 === LAYER_WIDTHS.length) break;
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
