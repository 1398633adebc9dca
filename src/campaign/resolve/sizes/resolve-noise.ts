import { formatNumber } from '../../../core/format-number.ts';
import { NOISE_ROWS } from '../../../evaluation/pair-noise.ts';
import type { Seeds } from '../../../inputs/seeds.ts';
import { canExposeTensors } from '../../../model/can-expose-tensors.ts';
import type { ModelInfo } from '../../../model/model.ts';
import type { PairNoise } from '../../../model/pair-noise.ts';
import type { ObjectiveDescriptor } from '../../../workers/objective-descriptor.ts';
import type { ProbeWorker } from '../../../workers/probe-worker.ts';
import type { Notices } from '../model-settings.ts';
import { testcasesToCompare } from './batch-dependence.ts';
import { estimateSeconds } from './workload.ts';

/** Most seeds that noise is measured on, and the estimated seconds that this may take. */
const MAX_SEEDS = 16;
const MAX_SECONDS = 1;

export interface NoiseOptions {
  readonly model: ModelInfo;
  readonly seeds: Seeds;
  readonly objectives: readonly Pick<ObjectiveDescriptor, 'tellsTies'>[];
  /** What a campaign that is resumed records; undefined for a new one. */
  readonly recorded: { readonly noise?: PairNoise } | undefined;
}

/**
 * How far the gap between two classes moves in each model of a pair with the size of a run, its threads and the optimisation of
 * the graph: measured once on the first seeds, in number by the model's cost. Undefined where no objective asks for it, and where
 * a campaign that is resumed began without.
 */
export async function resolveNoise(
  { model, seeds, objectives, recorded }: NoiseOptions,
  probeWorker: Pick<ProbeWorker, 'measureNoise'>,
  notices: Notices,
): Promise<PairNoise | undefined> {
  const isAsked = model.secondModel !== undefined && objectives.some(({ tellsTies }) => tellsTies);
  if (!isAsked) return undefined;
  if (recorded !== undefined) return recorded.noise;
  const seconds = estimateSeconds(model, seeds[0].form, NOISE_ROWS);
  const count = Math.max(1, Math.min(MAX_SEEDS, Math.floor(MAX_SECONDS / seconds)));
  const noise = await probeWorker.measureNoise({
    testcases: testcasesToCompare(seeds, count),
    hasMemory: canExposeTensors(model),
  });
  for (const [output, { reference, copy }] of Object.entries(noise ?? {}))
    notices.info(
      `a lead of one class in ${output} counts beyond ${formatNumber(reference, 2)} in the model and ${formatNumber(copy, 2)} in the second one: less is a tie, which depends on batch size, threads and optimisation`,
    );
  return noise;
}
