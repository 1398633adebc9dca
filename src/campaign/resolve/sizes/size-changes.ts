import type { CampaignConfig, InputConfig, MutationConfig } from '../../../config/schema.ts';
import { inferInputs } from '../../../inputs/infer-input.ts';
import type { InputDescriptor } from '../../../inputs/input-descriptor.ts';
import { distinctShapes } from '../../../inputs/seeds.ts';
import { openDimensions } from '../../../inputs/sizes/open-dimensions.ts';
import { resizeTestcase, type SizeChange } from '../../../inputs/sizes/size-change.ts';
import {
  MAX_SIZE_RUNS,
  type TriedSizes,
  type TryTestcase,
  trySizes,
} from '../../../inputs/sizes/try-sizes.ts';
import { stripBatchDimension } from '../../../model/batch-axis.ts';
import { searchableGraph } from '../../../model/graph/graph.ts';
import type { ModelInfo } from '../../../model/model.ts';
import type { ResolvedInputs } from '../inputs.ts';
import type { Notices } from '../model-settings.ts';
import { estimateSeconds, firstLookSeconds } from './workload.ts';

/** Sizes beyond those of the seeds, as a campaign's folder records them. */
export interface SizeChanges {
  /** Those that the model runs on: some tasks have them. */
  readonly running: readonly SizeChange[];
  /** Those on which it fails with every seed, although it runs on smaller ones: each is a finding. */
  readonly failing: readonly SizeChange[];
  /** What was not tried of open dimensions, and why: one line each. */
  readonly untried: readonly string[];
}

/** Least runs that finding out sizes may take, however slow the model is. */
const MIN_SIZE_RUNS = 4;

export const NO_SIZE_CHANGES: SizeChanges = { running: [], failing: [], untried: [] };

/**
 * Finds out which sizes of open dimensions beyond those of the seeds the model runs on.
 *
 * @param run runs one testcase; undefined where nothing may be tried
 */
export async function resolveSizeChanges(
  model: Parameters<typeof estimateSeconds>[0] & Pick<ModelInfo, 'evidence' | 'outputs'>,
  inputs: ResolvedInputs,
  config: Pick<InputConfig, 'tokens'> & Pick<Partial<CampaignConfig>, 'against' | 'time'> & MutationConfig,
  run: TryTestcase,
  notices: Notices,
): Promise<SizeChanges> {
  const { seeds, descriptors, lengthChanges } = inputs;
  if (model.generation !== undefined || seeds.length === 0) return NO_SIZE_CHANGES;
  const testcaseInputs = stripBatchDimension(inputs.inputs);
  const kinds = inferInputs(testcaseInputs, model).map(({ kind }) => kind);
  const all = openDimensions(testcaseInputs, kinds, seeds, lengthChanges?.leader);
  // Lengths that are set are those that are wanted.
  const isSet = ({ places }: (typeof all)[number]): boolean =>
    places.some(({ input }) => config.tokens?.[testcaseInputs[input].name]?.length !== undefined);
  const dimensions = all.filter((dimension) => !isSet(dimension));
  if (dimensions.length === 0) return NO_SIZE_CHANGES;
  const reason = reasonAgainst(model, config, descriptors);
  if (reason !== undefined) {
    const names = dimensions.map(({ dimension }) => dimension).join(', ');
    return { running: [], failing: [], untried: [`sizes of ${names} other than the seeds': ${reason}`] };
  }
  const specialOf = (input: number): readonly number[] => descriptors[input].tokens?.special ?? [];
  const seconds = estimateSeconds(model, seeds[0].form, 1);
  const affordable = Math.floor(firstLookSeconds(config) / seconds);
  const maxRuns = Math.min(MAX_SIZE_RUNS, Math.max(MIN_SIZE_RUNS, affordable));
  const tried = await trySizes(dimensions, seeds, run, specialOf, maxRuns);
  for (const sizes of tried) explainSizes(sizes, notices);
  return {
    running: tried.flatMap(({ running }) => running),
    failing: tried.flatMap(({ failing }) => failing),
    untried: tried.map(untriedText),
  };
}

/** Why sizes stay, a clause for people; undefined where they may change. */
function reasonAgainst(
  { graph }: Pick<ModelInfo, 'graph'>,
  {
    against,
    linf,
    l2,
    l0,
    edits,
    deephunter,
    valid,
    threatModel,
  }: Pick<CampaignConfig, 'against' | 'threatModel'> & MutationConfig,
  descriptors: readonly InputDescriptor[],
): string | undefined {
  if ([linf, l2, l0, edits, deephunter].some((limit) => limit !== undefined))
    return 'the distance from the seeds is limited';
  if (valid !== undefined) return '--valid compares with the seed';
  if (threatModel?.may === 'content-preserving') return 'the threat model keeps the meaning of inputs';
  if (threatModel?.knows.model === 'nothing') return 'the search runs on a surrogate';
  if (against !== undefined) return 'the second model may not accept others';
  if (descriptors.some(({ fixed }) => fixed !== undefined)) return '--fixed keeps positions';
  if (searchableGraph(graph).nodes.some(({ op }) => op === 'If'))
    return 'branches of the model depend on values that all testcases share';
  return undefined;
}

function spanText(sizes: readonly number[]): string {
  const [smallest, largest] = [sizes[0], sizes[sizes.length - 1]];
  return smallest === largest ? `${smallest}` : `${smallest} to ${largest}`;
}

const sizesOf = (changes: readonly SizeChange[]): string => changes.map(({ size }) => size).join(', ');

function explainSizes({ dimension, running, failing, isTied }: TriedSizes, notices: Notices): void {
  const { dimension: name, sizes } = dimension;
  if (isTied) {
    notices.info(
      `size ${name} is ${spanText(sizes)} in the seeds, and the model runs on no other tried size: it does not change`,
    );
    return;
  }
  // Seeds of several sizes cannot have one that is asked for.
  const keeps = sizes.length === 1 ? '; --shape turns this off' : '';
  if (running.length > 0)
    notices.info(
      `size ${name} is ${spanText(sizes)} in the seeds; one task in 16 uses ${sizesOf(running)} instead${keeps}`,
    );
  if (failing.length > 0)
    notices.warn(
      `the model leaves size ${name} dynamic and fails with every tried seed at size ${sizesOf(failing)}: that is a finding${keeps}`,
    );
}

/** What of a dimension was never tried. */
function untriedText({ dimension, running, failing, isTied }: TriedSizes): string {
  const { dimension: name, sizes } = dimension;
  if (isTied)
    return `sizes of ${name} other than ${spanText(sizes)}, because the model runs on no other tried size`;
  const all = [...sizes, ...[...running, ...failing].map(({ size }) => size)];
  return `sizes of ${name} above ${Math.max(...all)}`;
}

/** Descriptors whose buffers hold testcases of all sizes; undefined where no sizes change. */
export function resizedDescriptors(
  { descriptors, seeds }: Pick<ResolvedInputs, 'descriptors' | 'seeds'>,
  running: readonly SizeChange[],
): readonly InputDescriptor[] | undefined {
  if (running.length === 0) return undefined;
  const firstOfShape = distinctShapes(seeds).map((form) => seeds.find((seed) => seed.form.key === form.key));
  const sizes = descriptors.map(({ size }) => size);
  for (const seed of firstOfShape)
    for (const change of running) {
      if (seed === undefined) continue;
      resizeTestcase(seed, change).form.inputs.forEach(({ size }, i) => {
        sizes[i] = Math.max(sizes[i], size);
      });
    }
  return descriptors.map((descriptor, i) => ({ ...descriptor, size: sizes[i] }));
}
