import { fixFreeShapes } from '../../../inputs/free-shapes.ts';
import { inferInputs } from '../../../inputs/infer-input.ts';
import { distinctShapes, type Seeds } from '../../../inputs/seeds.ts';
import { openDimensions } from '../../../inputs/sizes/open-dimensions.ts';
import { resizeTestcase, type SizeChange } from '../../../inputs/sizes/size-change.ts';
import type { TryTestcase } from '../../../inputs/sizes/try-sizes.ts';
import { stripBatchDimension } from '../../../model/batch-axis.ts';
import type { ModelInfo } from '../../../model/model.ts';
import type { ResolvedInputs } from '../inputs.ts';
import type { Notices } from '../model-settings.ts';
import { DRAWN_SEED_COUNT } from '../resolve-seeds.ts';

/** Seeds that are tried until one runs. */
const MAX_TRIED_SEEDS = 8;

/** Steps in which sizes near those of the seeds are tried: networks that halve their input take multiples of these. */
const ROUND_STEPS = [2, 4, 8, 16, 32, 64];

/**
 * Seeds of which the first runs, since the campaign looks at the model on it. Where the model fails on all of them and runs on
 * another size that it leaves open, the seeds at that size come first: those that were given are findings then. Where nothing
 * runs the inputs are returned as they are.
 *
 * @param run runs one testcase
 */
export async function withRunnableSeed(
  model: Pick<ModelInfo, 'inputs' | 'evidence' | 'outputs' | 'generation'>,
  inputs: ResolvedInputs,
  run: TryTestcase,
  notices: Notices,
): Promise<ResolvedInputs> {
  const { seeds } = inputs;
  if (model.generation !== undefined || seeds.length === 0) return inputs;
  for (const seed of triedSeeds(seeds)) {
    if ((await run(seed)) !== undefined) continue;
    return seed === seeds[0]
      ? inputs
      : { ...inputs, seeds: [seed, ...seeds.filter((other) => other !== seed)] };
  }
  const change = await findRunningSize(model, seeds, run);
  if (change === undefined) return inputs;
  const { dimension, size } = change;
  notices.warn(
    `the model leaves size ${dimension} dynamic and fails on every tried seed: these are findings; it runs with size ${size}, and neurofuzz fuzzes seeds of that size`,
  );
  return withResizedSeeds(model, inputs, change);
}

/** The first seed, the first of each further shape, and then others. */
function triedSeeds(seeds: Seeds): Seeds {
  const firstOfShape = distinctShapes(seeds).flatMap(
    ({ key }) => seeds.find(({ form }) => form.key === key) ?? [],
  );
  return [...new Set([...firstOfShape, ...seeds])].slice(0, MAX_TRIED_SEEDS);
}

async function findRunningSize(
  model: Pick<ModelInfo, 'inputs' | 'evidence' | 'outputs'>,
  seeds: Seeds,
  run: TryTestcase,
): Promise<SizeChange | undefined> {
  const open = stripBatchDimension(model.inputs);
  const fits = seeds[0].form.inputs.every(({ shape }, i) => shape.length === open[i].shape.length);
  if (!fits) return undefined;
  const kinds = inferInputs(open, model).map(({ kind }) => kind);
  for (const { sizes, ...dimension } of openDimensions(open, kinds, seeds)) {
    const [size] = sizes;
    const rounded = ROUND_STEPS.flatMap((step) => [
      step * Math.floor(size / step),
      step * Math.ceil(size / step),
    ]);
    for (const candidate of new Set([size - 1, size + 1, ...rounded, 2 * size])) {
      if (candidate < 1 || sizes.includes(candidate)) continue;
      const change = { ...dimension, size: candidate };
      if ((await run(resizeTestcase(seeds[0], change))) === undefined) return change;
    }
  }
  return undefined;
}

function withResizedSeeds(
  model: Pick<ModelInfo, 'inputs'>,
  inputs: ResolvedInputs,
  change: SizeChange,
): ResolvedInputs {
  const { seeds, labels, descriptors } = inputs;
  const resized = seeds.slice(0, DRAWN_SEED_COUNT).map((seed) => resizeTestcase(seed, change));
  const withLabels = new Map(labels);
  resized.forEach((seed, i) => {
    const label = labels?.get(seeds[i]);
    if (label !== undefined) withLabels.set(seed, label);
  });
  const all = [...resized, ...seeds];
  return {
    ...inputs,
    // A shape that was asked for says which seeds are drawn, and not that others cannot be.
    inputs: fixFreeShapes(model.inputs, undefined),
    seeds: all,
    labels: labels && withLabels,
    descriptors: descriptors.map((descriptor, i) => ({
      ...descriptor,
      size: Math.max(descriptor.size, ...all.map(({ form }) => form.inputs[i].size)),
    })),
  };
}
