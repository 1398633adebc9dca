import { isFiniteVector } from '../coverage/observation.ts';
import type { MutantOrigin } from '../fuzzer/corpus/lineage.ts';
import type { Hit } from '../fuzzer/scheduling/task.ts';
import type { SeedResult } from '../fuzzer/seed-runner.ts';
import { type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import type { Violation } from '../objectives/objective.ts';
import type { SeededCampaign } from './enter-seeds.ts';
import type { SeedAccount } from './idle-reason.ts';
import type { Monitor } from './monitor/monitor.ts';

/** An input on which an attack found a violation. */
export interface AttackHit {
  readonly violation: Violation;
  readonly data: TestcaseData;
  /** The class that its seed shows. */
  readonly label: number;
  /** The seed that the attack began with; undefined where the seed itself violates the objective. */
  readonly seed: TestcaseData | undefined;
  /** How the attack is named among the mutators of a finding. */
  readonly mutator: string;
  /** Runs of the model until it was found. */
  readonly queries: number;
}

/** Adds the seeds of hits to the corpus, and confirms, stores and counts the hits. */
export async function enterAttackHits(
  hits: readonly AttackHit[],
  seeds: readonly SeedResult[],
  campaign: SeededCampaign,
  monitor: Pick<Monitor, 'onFault' | 'onPhase'>,
): Promise<SeedAccount> {
  const { state, store, faults, findings } = campaign;
  const attacked = new Set(hits.map(({ seed, data }) => testcaseId(seed ?? data)));
  for (const { data, activations, predictedClass } of seeds) {
    if (!attacked.has(testcaseId(data)) || !isFiniteVector(activations, 0, activations.length)) continue;
    const entry = state.addSeed(data, activations, predictedClass);
    if (entry !== undefined) store.addEntry(entry);
  }
  for (const [i, attackHit] of hits.entries()) {
    monitor.onPhase({ name: 'confirming', done: i, total: hits.length });
    const { violation, data, label, seed } = attackHit;
    const hit: Hit = { pick: -1, execs: 0, violation, data, label, batch: { data, rows: 1, row: 0 } };
    const origin = seed === undefined ? undefined : originAt(seed, attackHit);
    const outcomes = await findings.confirmAndStore([hit], 0, () => origin, false);
    for (const fault of faults.register(outcomes, 0)) monitor.onFault(fault, store.folder);
    faults.countHits([{ signature: violation.signature, hits: 1 }], false);
  }
  return { seeds: seeds.length, violating: 0, exempt: 0, nonFinite: 0 };
}

function originAt(seed: TestcaseData, { mutator, queries }: AttackHit): MutantOrigin {
  const id = testcaseId(seed);
  return {
    parent: { id, ancestor: id, generation: 0 },
    ancestor: seed,
    mutators: [mutator],
    mutationCount: 1,
    isRebased: false,
    queries,
  };
}
