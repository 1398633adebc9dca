import type { MutantOrigin } from '../fuzzer/corpus/lineage.ts';
import { resizeTestcase, type SizeChange } from '../inputs/sizes/size-change.ts';
import { type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
import { type SeededCampaign, storeSeedFindings } from './enter-seeds.ts';
import type { Monitor } from './monitor/monitor.ts';
import type { Target } from './resolve/target.ts';

/**
 * Runs the first seed at each size on which the model fails with every seed: each is a finding before the first mutant, as a
 * seed is that breaks an objective.
 */
export async function enterFailingSizes(
  { inputs: { seeds, descriptors }, sizeChanges }: Pick<Target, 'inputs' | 'sizeChanges'>,
  probeWorker: Pick<ProbeWorker, 'runSeeds'>,
  campaign: SeededCampaign,
  monitor: Pick<Monitor, 'onFault'>,
): Promise<void> {
  const [seed] = seeds;
  const { failing } = sizeChanges;
  if (failing.length === 0 || seed === undefined) return;
  const specialOf = (input: number): readonly number[] => descriptors[input].tokens?.special ?? [];
  const resized = failing.map((change) => resizeTestcase(seed, change, specialOf));
  const results = await probeWorker.runSeeds(resized);
  await storeSeedFindings(results, (i) => originOf(seed, failing[i], campaign), campaign, monitor);
}

/** Lineage of a seed at another size; undefined where the seed is not in the corpus. */
function originOf(
  seed: TestcaseData,
  { places }: SizeChange,
  { state: { corpus } }: SeededCampaign,
): MutantOrigin | undefined {
  const index = corpus.indexOf(testcaseId(seed));
  if (index === undefined) return undefined;
  const names = new Set(places.map(({ input }) => seed.form.inputs[input].name));
  return {
    parent: corpus.at(index),
    ancestor: seed,
    mutators: [...names].map((name) => `${name}:size`),
    mutationCount: 1,
    isRebased: false,
  };
}
