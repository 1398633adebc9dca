import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OnnxBuilder } from '../../model/formats/onnx/builder.ts';
import { loadModel } from '../../model/formats/registry.ts';
import type { Model } from '../../model/model.ts';
import { sizeOf, type Tensor } from '../../tensor/tensor.ts';
import type { Convolution } from './convolution-window.ts';
import { Convergence, drawUnitVector, lengthOf, MAX_STEPS, normalized } from './power-iteration.ts';

/**
 * The operator norm of a convolution at the size that it reads: how much longer its result can be than what it reads, both in L2. By the
 * power iteration of `largestSingularValue`, whose two products ONNX Runtime computes as Conv and ConvTranspose, in single precision.
 *
 * @param key of the stream that the first vector is drawn from
 * @param onStep called after each step
 * @throws Error where the runtime refuses the convolution
 */
export async function convolutionNorm(
  convolution: Convolution,
  key: readonly (string | number)[],
  onStep: () => void = () => {},
): Promise<number> {
  const model = await openRoundTrip(convolution);
  try {
    const shape = [1, convolution.channels, ...convolution.space];
    let x = Float32Array.from(drawUnitVector(sizeOf(shape), key));
    const convergence = new Convergence();
    let norm = 0;
    for (let step = 0; step < MAX_STEPS; step++) {
      const feed: Tensor = { type: 'float32', shape, data: x };
      const { outputs } = await model.run([feed], []);
      const [y, z] = outputs;
      onStep();
      norm = lengthOf(y.data as Float32Array);
      const back = normalized(Float64Array.from(z.data as Float32Array));
      if (back.norm === 0 || convergence.isReached(norm)) break;
      x = Float32Array.from(back.vector);
    }
    return norm;
  } finally {
    await model.dispose();
  }
}

/** A model x ↦ (y, z) with y = Wx and z = Wᵀy. */
async function openRoundTrip(convolution: Convolution): Promise<Model> {
  const { weight, weightShape, groups, channels, space, steps, strides, dilations, before, after } =
    convolution;
  const graph = new OnnxBuilder();
  const shape = [1, channels, ...space];
  const x = graph.input('x', 'float32', shape);
  const w = graph.constant('w', 'float32', weightShape, weight);
  const window = { strides, dilations, kernel_shape: weightShape.slice(2), group: groups };
  // What windows leave over at the end is cut.
  const pads = [...before, ...after.map((count) => Math.max(0, count))];
  graph.node('Conv', [x, w], 'y', { ...window, pads });
  graph.node('ConvTranspose', ['y', w], 'z', {
    ...window,
    pads,
    output_padding: after.map((count) => Math.max(0, -count)),
  });
  graph.output('y', 'float32', [1, weightShape[0], ...steps]);
  graph.output('z', 'float32', shape);
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-spectral-'));
  try {
    const path = join(folder, 'convolution.onnx');
    await writeFile(path, graph.finish('convolution'));
    return await loadModel(path, { runtime: 'auto' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
