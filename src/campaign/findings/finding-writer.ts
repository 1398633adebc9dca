import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { measureDistance } from '../../constraints/distance.ts';
import { escapeControl } from '../../core/escape-control.ts';
import { lineageOf, type MutantOrigin } from '../../fuzzer/corpus/lineage.ts';
import type { Hit } from '../../fuzzer/scheduling/task.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import { type Lineage, type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import { isNoFault, SIGNATURE_VERSION } from '../../objectives/objective.ts';
import type { CampaignStore } from '../../storage/campaign-store.ts';
import {
  type Finding,
  FORMAT_VERSION,
  findingFolder,
  outsideFolder,
  replayRecord,
  type SignatureRecord,
  type ThreatRecord,
} from '../../storage/finding.ts';
import { arraysOf, type ThreatChecker } from '../obeys.ts';
import type { PlausibilityChecker } from '../plausibility-checker.ts';
import type { ConfirmedHit, HitConfirmer } from './confirm.ts';
import {
  type ConfirmationCounts,
  isResting,
  isSaturated,
  isSparse,
  isStored,
} from './confirmation-schedule.ts';
import type { ConfirmationOutcome, Fault, FaultRegistry } from './fault-registry.ts';
import { renderFindingArtifacts } from './finding-artifacts.ts';

export interface FindingWriterOptions {
  readonly store: CampaignStore;
  readonly faults: FaultRegistry;
  readonly confirmer: HitConfirmer;
  /** The model as findings name it. */
  readonly model: Finding['model'];
  /** The second model of a pair, likewise. */
  readonly secondModel?: Finding['model'];
  readonly masterSeed: string;
  /** Of each input, how its values map to pixels; undefined for inputs that are not images. */
  readonly imageFormats: readonly (ImageFormat | undefined)[];
  /** Id of the positions without a token, for each input; undefined for inputs that have none. */
  readonly padIds: readonly (number | undefined)[];
  /** Checks findings against the threat model; undefined without one. */
  readonly threat?: ThreatChecker | undefined;
  /** How far the attacker had got when a finding was found. */
  readonly success?:
    | ((finding: Pick<Finding, 'objective' | 'ancestor'>) => ThreatRecord['success'])
    | undefined;
  /** Tells whether findings are plausible; undefined where the threat model does not ask. */
  readonly plausibility?: Pick<PlausibilityChecker, 'valueOf'> | undefined;
  /** A testcase as text; undefined if it is none. */
  readonly textOf: (testcase: TestcaseData) => string | undefined;
}

/** A hit with what its finding records of where it comes from. */
interface LocatedHit {
  readonly hit: Hit;
  /** Id of its testcase. */
  readonly id: string;
  /** Number of the task that found it; 0 for seeds and imports. */
  readonly task: number;
  /** Undefined for a seed. */
  readonly origin: MutantOrigin | undefined;
  /** The value of it that says how plausible it is; undefined where the threat model does not ask. */
  readonly plausible?: number | undefined;
}

/** Confirms hits and writes those that are findings to disk. */
export class FindingWriter {
  readonly #options: FindingWriterOptions;

  constructor(options: FindingWriterOptions) {
    this.#options = options;
  }

  /**
   * Confirms hits and writes them to disk, except those of signatures with enough findings there. Once a hit of a signature
   * did not show alone, hits that do are preferred: of the others the last one is confirmed. Changes nothing but the disk:
   * the caller registers the outcomes.
   *
   * @param task number of the task that found them; 0 for seeds and imports
   * @param originOf a hit's lineage; undefined for seeds
   * @param untilFinding whether to stop at the first confirmed finding
   * @throws UserError if the model can't be loaded; ProcessDied if confirming was broken off
   */
  async confirmAndStore(
    hits: readonly Hit[],
    task: number,
    originOf: ((hit: Hit) => MutantOrigin | undefined) | undefined,
    untilFinding: boolean,
  ): Promise<ConfirmationOutcome[]> {
    const { faults } = this.#options;
    const keep = faults.maxPerSignature;
    const outcomes: ConfirmationOutcome[] = [];
    const countsBySignature = new Map<string, ConfirmationCounts>();
    const candidates = this.#withoutStored(hits);
    for (const [i, { hit, id }] of candidates.entries()) {
      const { signature } = hit.violation;
      const counts = countsBySignature.get(signature) ?? faults.countsOf(signature);
      if (isSaturated(counts, keep) || isResting(counts, keep)) continue;
      const isLast = candidates.slice(i + 1).every((later) => later.hit.violation.signature !== signature);
      const outcome = await this.#confirmHit({ hit, id, task, origin: originOf?.(hit) }, counts, isLast);
      if (outcome === undefined) continue;
      outcomes.push(outcome);
      countsBySignature.set(signature, faults.countsAfter(counts, outcome));
      if (untilFinding && outcome.status !== 'flaky' && !isNoFault(signature)) break;
    }
    return outcomes;
  }

  /** Whether a hit shows in as many reruns as confirm it. @throws ProcessDied if confirming was broken off */
  holds(hit: Hit): Promise<boolean> {
    return this.#options.confirmer.holds(hit);
  }

  /** Writes signature.json of every fault. */
  async writeSignatures(): Promise<void> {
    const { store, faults } = this.#options;
    for (const fault of faults.faults)
      await store.writeSignature(recordOf(fault), fault.kept === 0 || faults.dependsOnMachine(fault));
  }

  /** The hits whose testcases are no findings yet, each testcase once a signature. */
  #withoutStored(hits: readonly Hit[]): { readonly hit: Hit; readonly id: string }[] {
    const seen = new Set<string>();
    return hits.flatMap((hit) => {
      const { signature } = hit.violation;
      const id = testcaseId(hit.data);
      const key = `${signature}/${id}`;
      if (seen.has(key) || this.#options.faults.has(signature, id)) return [];
      seen.add(key);
      return [{ hit, id }];
    });
  }

  /**
   * Confirms a hit and writes it to disk where it is kept. Undefined where it is passed over for a later one, since it does
   * not show alone.
   */
  async #confirmHit(
    located: LocatedHit,
    counts: ConfirmationCounts,
    isLast: boolean,
  ): Promise<ConfirmationOutcome | undefined> {
    const { confirmer, faults } = this.#options;
    const { hit } = located;
    const { signature, objective } = hit.violation;
    const keep = faults.maxPerSignature;
    if (counts.misses > 0 && hit.batch.rows > 1 && !(await confirmer.showsAlone(hit))) {
      if (!isLast) return undefined;
      const isKnownKind = isSparse(counts, keep) && counts.kept >= keep;
      if (isKnownKind) return { signature, objective, status: 'flaky', stored: undefined };
    }
    return this.#store(located, (status) => isStored(status, counts, keep));
  }

  /**
   * Undefined for a hit that does not obey the threat model: it goes to `findings/outside/` and is no fault.
   *
   * @param isKept whether a finding with this status goes to disk
   */
  async #store(
    found: LocatedHit,
    isKept: (status: Finding['status']) => boolean,
  ): Promise<ConfirmationOutcome | undefined> {
    const { store, faults, confirmer, textOf, imageFormats, plausibility } = this.#options;
    const { hit, id, origin } = found;
    const { signature, objective } = hit.violation;
    const isApart = faults.dependsOnMachine(hit.violation);
    // A campaign that was killed after it had written the finding comes to it again.
    for (const path of new Set([findingFolder(signature, id, isApart), findingFolder(signature, id, true)])) {
      const finding = await store.readFinding(path);
      if (finding !== undefined)
        return { signature, objective, status: finding.status, stored: { finding, path } };
    }
    const located = { ...found, plausible: await plausibility?.valueOf(hit.data) };
    if (await this.#isKnownOutside(located)) return undefined;
    const reference = faults.isTimed(signature) ? origin?.ancestor : undefined;
    const { outputs, ...confirmed } = await confirmer.confirm(hit, reference);
    const { status } = confirmed;
    if (!isKept(status)) return { signature, objective, status, stored: undefined };
    const severity = status === 'confirmed' && !isApart ? await confirmer.rateSeverity(hit) : undefined;
    const path = findingFolder(signature, id, isApart || status === 'flaky');
    const record = this.#findingOf(located, path, {
      ...confirmed,
      ...(severity === undefined ? {} : { severity }),
    });
    const threat = this.#threatOf(located, record);
    const finding = threat === undefined ? record : { ...record, threat };
    const artifactData = {
      testcase: hit.data,
      batch: hit.batch.data,
      outputs,
      transformed: hit.transformed,
      reference,
      text: textOf(hit.data),
    };
    const artifacts = await renderFindingArtifacts(finding, artifactData, imageFormats);
    if (threat?.obeys === false) {
      const outside = outsideFolder(signature, id);
      await store.writeFinding(outside, { ...finding, ...replayRecord(outside) }, artifacts);
      return undefined;
    }
    await store.writeFinding(path, finding, artifacts);
    return { signature, objective, status, stored: { finding, path } };
  }

  /** How a finding obeys the threat model; undefined without one. Mutators of earlier generations are checked on disk, at the end. */
  #threatOf(
    { hit, origin, plausible }: LocatedHit,
    finding: Pick<Finding, 'objective' | 'generation' | 'ancestor' | 'violation' | 'label' | 'mutators'>,
  ): ThreatRecord | undefined {
    const seed = arraysOf(origin?.ancestor ?? hit.data);
    const success = this.#options.success?.(finding);
    const facts = { trail: finding.mutators, queries: origin?.queries ?? 0, plausible, success };
    return this.#options.threat?.record(finding, arraysOf(hit.data), seed, facts);
  }

  /** Whether a hit does not obey the threat model and enough findings of its signature are kept that do not. */
  async #isKnownOutside(located: LocatedHit): Promise<boolean> {
    const { store, faults } = this.#options;
    const { hit, id, origin } = located;
    const { violation, label } = hit;
    const threat = this.#threatOf(located, {
      ...hitLineage(origin, id),
      objective: violation.objective,
      violation,
      ...(label === undefined ? {} : { label }),
    });
    if (threat?.obeys !== false) return false;
    const parent = join(store.folder, dirname(outsideFolder(violation.signature, id)));
    const kept = await readdir(parent).catch((): string[] => []);
    return kept.includes(id) || kept.length >= faults.maxPerSignature;
  }

  /** The record of a finding, its keys in the order of finding.json. */
  #findingOf(
    { hit, id, task, origin }: LocatedHit,
    path: string,
    {
      origin: where,
      summary,
      details,
      layerDivergences,
      severity,
      ...confirmation
    }: Omit<ConfirmedHit, 'outputs'> & Pick<Finding, 'severity'>,
  ): Finding {
    const { masterSeed, model, secondModel, padIds } = this.#options;
    const { violation } = hit;
    return {
      formatVersion: FORMAT_VERSION,
      ...hitLineage(origin, id),
      signature: violation.signature,
      signatureVersion: SIGNATURE_VERSION,
      objective: violation.objective,
      // Names of tensors come from the model and may hold control characters.
      summary: escapeControl(summary ?? violation.summary),
      violation: { tensors: violation.tensors, details: details ?? violation.details },
      ...(violation.judges === undefined ? {} : { judges: violation.judges }),
      model,
      ...(secondModel === undefined ? {} : { copy: secondModel }),
      seed: masterSeed,
      distance: measureDistance(hit.data, origin?.ancestor ?? hit.data, padIds),
      ...(where === undefined ? {} : { origin: where }),
      ...(layerDivergences === undefined ? {} : { departures: layerDivergences }),
      ...(severity === undefined ? {} : { severity }),
      ...(hit.label === undefined ? {} : { label: hit.label }),
      task,
      execs: hit.execs,
      ...confirmation,
      ...(confirmation.status === 'batch-dependent'
        ? { batch: { row: hit.batch.row, rows: hit.batch.rows } }
        : {}),
      ...replayRecord(path),
    };
  }
}

/** What signature.json holds of a fault. */
function recordOf(fault: Fault): SignatureRecord {
  const { formatVersion, signatureVersion, signature, objective, summary, firstTask, firstExecs, hits } =
    fault;
  return { formatVersion, signatureVersion, signature, objective, summary, firstTask, firstExecs, hits };
}

/** The lineage of a hit; that of a seed where it was not mutated. */
function hitLineage(origin: MutantOrigin | undefined, id: string): Lineage {
  return origin === undefined
    ? { id, parent: null, ancestor: id, generation: 0, mutators: [] }
    : lineageOf(origin, id);
}
