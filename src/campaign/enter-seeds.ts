import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import { type FeedbackName, feedbackKind } from '../coverage/feedback/registry.ts';
import type { MutantOrigin } from '../fuzzer/corpus/lineage.ts';
import { HitCollector } from '../fuzzer/hit-collector.ts';
import type { Hit } from '../fuzzer/scheduling/task.ts';
import { isFaulty, isFuzzable, type SeedResult } from '../fuzzer/seed-runner.ts';
import { testcaseId } from '../inputs/testcase.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { isSignatureOf } from '../objectives/objective.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
import type { CampaignParts } from './campaign-parts.ts';
import type { SeedAccount } from './idle-reason.ts';
import type { Monitor } from './monitor/monitor.ts';
import type { Notices } from './resolve/model-settings.ts';
import { queryLimits } from './threat-model/query-limits.ts';

/** A threshold and where it comes from, a clause for people. */
export interface ResolvedThreshold {
  readonly value: number;
  readonly why: string;
}

/**
 * The threshold asked for, or one calibrated on the seeds.
 *
 * @param calibrationMutants mutants that it is calibrated on
 */
export async function resolveThreshold(
  config: Pick<CampaignConfig, 'threshold' | 'guidance' | 'threatModel'>,
  feedback: FeedbackName,
  calibrationMutants: number,
  probeWorker: ProbeWorker,
  seeds: readonly SeedResult[],
  monitor: Pick<Monitor, 'warn' | 'onPhase'>,
): Promise<ResolvedThreshold> {
  if (config.threshold !== 'auto') return { value: config.threshold, why: 'as asked for' };
  const fuzzableSeeds = seeds.filter(isFuzzable);
  if (config.guidance === 'none' || fuzzableSeeds.length === 0) return { value: 0, why: 'not used' };
  if (!feedbackKind(feedback).isCalibrated) return { value: 0, why: 'a mutant with a new element is new' };
  if (queryLimits(config) !== undefined && config.threatModel?.knows.model !== 'nothing')
    return {
      value: fallbackThreshold(fuzzableSeeds),
      why: `${FALLBACK_TEXT}: calibration would take queries`,
    };
  const report = (done: number): void =>
    monitor.onPhase({ name: 'calibrating', done, total: calibrationMutants });
  report(0);
  const calibrated = await probeWorker.calibrate(fuzzableSeeds, calibrationMutants, report);
  if (calibrated === undefined) {
    monitor.warn(
      'the coverage threshold cannot be calibrated: the model ends its process on mutants of the seeds',
    );
    return { value: fallbackThreshold(fuzzableSeeds), why: FALLBACK_TEXT };
  }
  const { threshold, mutants } = calibrated;
  if (threshold === undefined) {
    monitor.warn(
      'no mutant of the seeds changes the activations; try other tensors with --coverage, or a larger --range',
    );
    return { value: Number.MIN_VALUE, why: 'no mutant changed the activations' };
  }
  return { value: Number(threshold.toPrecision(6)), why: `calibrated on ${plural(mutants, 'mutant')}` };
}

const FALLBACK_TEXT = 'one thousandth of the norm of the activations';

/** The square of a thousandth of the mean length of the seeds' activations. */
function fallbackThreshold(seeds: readonly SeedResult[]): number {
  const squares = seeds.map(({ activations }) => activations.reduce((sum, value) => sum + value * value, 0));
  const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
  return Math.max(1e-6 * mean, Number.MIN_VALUE);
}

/** The parts of a campaign that seeds and imports are added to. */
export type SeededCampaign = Pick<CampaignParts, 'state' | 'store' | 'faults' | 'findings'>;

/**
 * Adds the seeds to the corpus; those that violate an objective already become findings of generation 0.
 *
 * @throws UserError where the objectives leave out every seed
 */
export async function enterSeeds(
  seeds: readonly SeedResult[],
  campaign: SeededCampaign,
  monitor: Monitor,
): Promise<SeedAccount> {
  let duplicates = 0;
  let nonFinite = 0;
  const exempt = new Map<string, number>();
  for (const seed of seeds) {
    const { data, activations, exemption, predictedClass, violation } = seed;
    if (isFuzzable(seed)) {
      const entry = campaign.state.addSeed(data, activations, predictedClass);
      if (entry === undefined) duplicates++;
      else campaign.store.addEntry(entry);
    } else if (violation !== undefined && isFaulty(seed))
      recordViolatingSeed(campaign, violation.signature, testcaseId(data));
    else {
      if (exemption === undefined) nonFinite++;
      else exempt.set(exemption, (exempt.get(exemption) ?? 0) + 1);
    }
  }
  await storeSeedFindings(seeds, () => undefined, campaign, monitor);
  const violating = seeds.filter(isFaulty).length;
  const exemptSeeds = [...exempt.values()].reduce((sum, count) => sum + count, 0);
  const account = { seeds: seeds.length, violating, exempt: exemptSeeds, nonFinite };
  reportSeeds(account, exempt, duplicates, monitor);
  return account;
}

/** Counts a seed that violates an objective itself as broken. Of two objectives whose names fit, it is the longer one. */
function recordViolatingSeed({ state }: Pick<CampaignParts, 'state'>, signature: string, id: string): void {
  const [name] = (state.accounts?.objectives ?? [])
    .filter((objective) => isSignatureOf(signature, objective))
    .sort((a, b) => b.length - a.length);
  if (name !== undefined) state.accounts?.recordViolatingSeed(name, id);
}

/** @throws UserError where the objectives leave out every seed */
function reportSeeds(
  { seeds, violating, exempt, nonFinite }: SeedAccount,
  exemptions: ReadonlyMap<string, number>,
  duplicates: number,
  notices: Notices,
): void {
  for (const [reason, count] of exemptions)
    notices.warn(`${count} of ${plural(seeds, 'seed')} ${reason} and are left out`);
  if (seeds > 0 && exempt === seeds)
    throw new UserError(
      'no seed is left to fuzz: check that the labels belong to these seeds and to this model',
    );
  if (nonFinite > 0)
    notices.warn(
      `${nonFinite} of ${plural(seeds, 'seed')} left out: coverage tensors are not finite there; choose other tensors with --coverage`,
    );
  if (duplicates > 0) notices.warn(`${plural(duplicates, 'duplicate seed')} ignored`);
  if (violating > 0)
    notices.warn(
      `${violating} of ${plural(seeds, 'seed')} already violate an objective; they are reported as findings and not mutated`,
    );
}

/**
 * Confirms, stores and counts the violations of seeds or imports, run by run: a violation that needs its batch is confirmed in it.
 *
 * @param results of all seeds or imports, in the order in which they ran
 * @param originOf lineage of the import with this index; undefined for a seed
 */
export async function storeSeedFindings(
  results: readonly SeedResult[],
  originOf: (index: number) => MutantOrigin | undefined,
  { store, faults, findings }: SeededCampaign,
  monitor: Pick<Monitor, 'onFault'>,
): Promise<void> {
  for (let from = 0; from < results.length; from += results[from].run.rows) {
    const members = results.slice(from, from + results[from].run.rows);
    if (members.every(({ violation }) => violation === undefined)) continue;
    const hitCollector = collectHits(members, faults);
    const { hits } = hitCollector;
    const outcomes = await findings.confirmAndStore(
      hits,
      0,
      ({ batch }) => originOf(from + batch.row),
      false,
    );
    for (const fault of faults.register(outcomes, 0)) monitor.onFault(fault, store.folder);
    faults.countHits(hitCollector.counts(), false);
  }
}

/** The hits of one run of seeds. */
function collectHits(members: readonly SeedResult[], faults: SeededCampaign['faults']): HitCollector {
  const hitCollector = new HitCollector(
    { saturatedSignatures: faults.countedSignatures },
    faults.maxPerSignature,
  );
  const batch = packBatch(members.map(({ data }) => data));
  for (const { violation, data, transformed, run } of members) {
    if (violation === undefined || !hitCollector.countHit(violation)) continue;
    const hit: Hit = { pick: -1, execs: 0, violation, data, batch: { data: batch, ...run } };
    hitCollector.add(transformed === undefined ? hit : { ...hit, transformed });
  }
  return hitCollector;
}
