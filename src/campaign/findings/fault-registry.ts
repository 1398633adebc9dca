import { measureDistance } from '../../constraints/distance.ts';
import { escapeControl } from '../../core/escape-control.ts';
import type { RerunResult } from '../../evaluation/rerun.ts';
import type { CorpusEntry } from '../../fuzzer/corpus/corpus.ts';
import type { Hit, HitCount } from '../../fuzzer/scheduling/task.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import { type Lineage, type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import { packBatch } from '../../model/batched-model.ts';
import type { LoadOptions } from '../../model/model.ts';
import { dependsOnMachine } from '../../objectives/crash-signature.ts';
import { isSignatureOf, SIGNATURE_VERSION, type Violation } from '../../objectives/objective.ts';
import { comparesModels } from '../../objectives/registry.ts';
import type { CampaignStore } from '../../storage/campaign-store.ts';
import type { Confirmation, Finding, Severity, SignatureRecord } from '../../storage/finding.ts';
import { FORMAT_VERSION, findingFolder } from '../../storage/finding.ts';
import type { RerunClient } from '../../workers/rerun-client.ts';
import { renderFindingArtifacts } from './finding-artifacts.ts';
import { type SeedSpan, severityOf } from './severity.ts';

/** What faults are made from. */
export interface FaultRegistryOptions {
  readonly store: CampaignStore;
  readonly rerunClient: RerunClient;
  /** Specs of the objectives. */
  readonly objectives: readonly string[];
  /** Names of those that go by how long runs take. */
  readonly timedObjectives: readonly string[];
  /** The file that is run again. */
  readonly modelPath: string;
  readonly loadOptions: LoadOptions;
  /** The model as findings name it. */
  readonly model: Finding['model'];
  /** What it is compared with, likewise. */
  readonly secondModel?: Finding['model'];
  readonly masterSeed: string;
  readonly maxPerSignature: number;
  /** Whether two models are compared and there is memory for looking at them layer by layer. */
  readonly comparesLayers: boolean;
  /** Whether the model takes one testcase a run. */
  readonly isUnbatched: boolean;
  /** Whether there is memory for tracing findings to operations. */
  readonly canTrace: boolean;
  readonly seedSpan: SeedSpan;
  readonly imageFormats: readonly (ImageFormat | undefined)[];
  /** Of each input, the id of places that hold no token; undefined where there are none. */
  readonly padIds: readonly (number | undefined)[];
  /** A testcase as text; undefined where it is none. */
  readonly textOf: (testcase: TestcaseData) => string | undefined;
}

/** One fault as the campaign knows it. */
export interface Fault extends SignatureRecord {
  /** Findings kept on disk that came up again every time. */
  readonly kept: number;
  /** Findings that did not. */
  readonly flaky: number;
  readonly firstSeconds: number;
  /** The first finding's folder within the campaign's. */
  readonly path: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Where a hit comes from: the entry it was mutated from, by which mutators, and its seed's values. */
export interface MutantOrigin {
  readonly parent: CorpusEntry;
  readonly ancestor: TestcaseData;
  readonly mutators: readonly string[];
  /** Mutations between the entry and it. */
  readonly mutationCount: number;
  /** Whether the hit is what DeepHunter's rule measures from now. */
  readonly isRebased: boolean;
}

/** A finding that is on disk. */
export interface StoredFinding {
  readonly finding: Finding;
  readonly path: string;
}

/** All faults as plain data. */
export interface SavedFaults {
  readonly faults: readonly Fault[];
  /** `signature/id` of every finding that is kept. */
  readonly keys: readonly string[];
}

/** Counts hits, runs the first of each signature again and keeps them on disk. */
export class FaultRegistry {
  readonly #options: FaultRegistryOptions;
  readonly #faults = new Map<string, Mutable<Fault>>();
  readonly #storedKeys = new Set<string>();

  constructor(options: FaultRegistryOptions) {
    this.#options = options;
  }

  get faults(): readonly Fault[] {
    return [...this.#faults.values()];
  }

  /** Faults with a finding that was confirmed. */
  get confirmed(): readonly Fault[] {
    return this.faults.filter((fault) => fault.kept > 0);
  }

  get hitCount(): number {
    return this.faults.reduce((sum, fault) => sum + fault.hits, 0);
  }

  /** Signatures of which enough is kept. */
  get saturatedSignatures(): string[] {
    return this.faults
      .filter(({ kept, flaky }) => this.#isSaturated(kept, flaky))
      .map((fault) => fault.signature);
  }

  /** Counts a task's hits; those of signatures never seen before are counted once their first is entered. */
  countHits(counts: readonly HitCount[]): void {
    for (const { signature, hits } of counts) {
      const fault = this.#faults.get(signature);
      if (fault !== undefined) fault.hits += hits;
    }
  }

  /**
   * Confirms hits and puts them on disk, unless enough of their signature is there. Changes nothing but the
   * disk: `enter` does.
   *
   * @param origin of a hit; undefined for seeds
   * @param untilFinding keep no more than the first confirmed one
   */
  async confirmAndStore(
    hits: readonly Hit[],
    task: number,
    origin: ((hit: Hit) => MutantOrigin) | undefined,
    untilFinding: boolean,
  ): Promise<StoredFinding[]> {
    const kept: StoredFinding[] = [];
    for (const hit of hits) {
      const { signature } = hit.violation;
      const id = testcaseId(hit.data);
      const same = kept.filter(({ finding }) => finding.signature === signature);
      const known = this.#faults.get(signature);
      const flaky = same.filter(({ finding }) => finding.status === 'flaky').length;
      const sound = same.length - flaky;
      if (this.#isSaturated((known?.kept ?? 0) + sound, (known?.flaky ?? 0) + flaky)) continue;
      if (this.#storedKeys.has(`${signature}/${id}`) || same.some(({ finding }) => finding.id === id))
        continue;
      kept.push(await this.#confirmAndStoreOne(hit, id, task, origin?.(hit)));
      if (untilFinding && kept.at(-1)?.finding.status !== 'flaky') break;
    }
    return kept;
  }

  /** Takes note of findings that are on disk; returns the faults that are new. */
  register(kept: readonly StoredFinding[], seconds: number): Fault[] {
    const found: Fault[] = [];
    for (const { finding, path } of kept) {
      this.#storedKeys.add(`${finding.signature}/${finding.id}`);
      let fault = this.#faults.get(finding.signature);
      if (fault === undefined) {
        fault = newFault(finding, path, seconds);
        this.#faults.set(finding.signature, fault);
        found.push(fault);
      }
      if (finding.status === 'flaky') fault.flaky++;
      else if (fault.kept++ === 0) fault.path = path;
    }
    return found;
  }

  /** Writes signature.json of every fault. */
  async writeRecords(): Promise<void> {
    for (const { kept, flaky: _flaky, firstSeconds: _seconds, path: _path, ...record } of this.faults) {
      await this.#options.store.writeSignature(record, kept === 0 || this.dependsOnMachine(record));
    }
  }

  /** Whether a fault depends on the clock or the machine: it is kept apart, and nothing is learnt from it. */
  dependsOnMachine({ signature, objective }: Pick<Violation, 'signature' | 'objective'>): boolean {
    return dependsOnMachine(objective) || this.#isTimed(signature);
  }

  #isTimed(signature: string): boolean {
    return this.#options.timedObjectives.some((name) => isSignatureOf(signature, name));
  }

  save(): SavedFaults {
    return { faults: this.faults.map((fault) => ({ ...fault })), keys: [...this.#storedKeys] };
  }

  restore({ faults, keys }: SavedFaults): void {
    for (const fault of faults) this.#faults.set(fault.signature, { ...fault });
    for (const key of keys) this.#storedKeys.add(key);
  }

  #isSaturated(kept: number, flaky: number): boolean {
    const { maxPerSignature } = this.#options;
    return kept >= maxPerSignature || flaky >= maxPerSignature;
  }

  async #confirmAndStoreOne(
    hit: Hit,
    id: string,
    task: number,
    from: MutantOrigin | undefined,
  ): Promise<StoredFinding> {
    const { store, masterSeed, model, secondModel, padIds, textOf, imageFormats } = this.#options;
    const { violation } = hit;
    const { signature, objective } = violation;
    const apart = this.dependsOnMachine(violation);
    for (const path of new Set([findingFolder(signature, id, apart), findingFolder(signature, id, true)])) {
      const finding = await store.readFinding(path);
      if (finding !== undefined) return { finding, path };
    }
    const reference = this.#isTimed(signature) ? from?.ancestor : undefined;
    const { origin, summary, outputs, layerDivergences, ...confirmation } = await this.#confirm(
      hit,
      reference,
    );
    const severity =
      confirmation.status === 'confirmed' && !apart ? await this.#rateSeverity(hit) : undefined;
    const lineage: Lineage = {
      id,
      parent: from?.parent.id ?? null,
      ancestor: from?.parent.ancestor ?? id,
      ...referenceOf(from, id),
      generation: from === undefined ? 0 : from.parent.generation + from.mutationCount,
      mutators: from?.mutators ?? [],
    };
    const path = findingFolder(signature, id, apart || confirmation.status === 'flaky');
    const finding: Finding = {
      formatVersion: FORMAT_VERSION,
      ...lineage,
      signature,
      signatureVersion: SIGNATURE_VERSION,
      objective,
      // Names of tensors are a stranger's as well.
      summary: escapeControl(summary ?? violation.summary),
      violation: { tensors: violation.tensors, details: violation.details },
      model,
      ...(secondModel === undefined ? {} : { copy: secondModel }),
      seed: masterSeed,
      distance: measureDistance(hit.data, from?.ancestor ?? hit.data, padIds),
      ...(origin === undefined ? {} : { origin }),
      ...(layerDivergences === undefined ? {} : { departures: layerDivergences }),
      ...(severity === undefined ? {} : { severity }),
      ...(hit.label === undefined ? {} : { label: hit.label }),
      task,
      execs: hit.execs,
      ...confirmation,
      ...(confirmation.status === 'batch-dependent'
        ? { batch: { row: hit.batch.row, rows: hit.batch.rows } }
        : {}),
      replay: `neurofuzz replay ${path}`,
    };
    const { transformed } = hit;
    const text = textOf(hit.data);
    const artifacts = await renderFindingArtifacts(
      finding,
      { testcase: hit.data, batch: hit.batch.data, outputs, transformed, reference, text },
      imageFormats,
    );
    await store.writeFinding(path, finding, artifacts);
    return { finding, path };
  }

  /** Runs a hit again alone; where it does not show, in the batch that it was found in. */
  async #confirm(
    hit: Hit,
    reference: TestcaseData | undefined,
  ): Promise<Confirmation & Pick<RerunResult, 'origin' | 'summary' | 'outputs' | 'layerDivergences'>> {
    const { rerunClient } = this.#options;
    const { violation, data, batch } = hit;
    const { objective } = violation;
    const common = { ...this.#rerunRequest(hit), reference };
    const alone = await rerunClient.reproduce(objective, {
      ...common,
      batch: data,
      rows: 1,
      row: 0,
      explainsOrigin: true,
      comparesLayers: this.#options.comparesLayers,
    });
    const { origin, summary } = alone;
    // Of a pair that breaks something else, what both gave is not the point.
    const isPair = comparesModels(objective) || hit.transformed !== undefined;
    const { outputs, layerDivergences } = isPair ? alone : NO_PAIR_DETAILS;
    const reproduced = `${alone.matchingRuns}/${alone.totalRuns}`;
    if (alone.matchingRuns === alone.totalRuns) {
      const why = outputs === undefined ? undefined : await this.#flakinessReason(hit, alone);
      if (why !== undefined) return { reproduced, status: 'flaky', why, outputs };
      return { reproduced, status: 'confirmed', origin, summary, outputs, layerDivergences };
    }
    // What two models part in must not hang on how many testcases a run has.
    if (outputs !== undefined) {
      const why = alone.matchingRuns > 0 ? undefined : `it shows in a batch of ${batch.rows} and not alone`;
      return { reproduced, status: 'flaky', ...(why === undefined ? {} : { why }), outputs };
    }
    if (alone.matchingRuns > 0 || batch.rows === 1) return { reproduced, status: 'flaky' };
    const together = await rerunClient.reproduce(objective, {
      ...common,
      batch: batch.data,
      rows: batch.rows,
      row: batch.row,
    });
    const status = together.matchingRuns === together.totalRuns ? 'batch-dependent' : 'flaky';
    return { reproduced: `${together.matchingRuns}/${together.totalRuns}`, status };
  }

  /** Why a disagreement that shows alone is none of the two models': undefined where it is. */
  async #flakinessReason(hit: Hit, alone: RerunResult): Promise<string | undefined> {
    const { violation, data } = hit;
    if (alone.isDeterministic === false) return 'the reference itself gives something else from run to run';
    const { rerunClient, model } = this.#options;
    const common = this.#rerunRequest(hit);
    const together = {
      ...common,
      batch: repeatTestcase(data, CONTROL_BATCH_ROWS),
      rows: CONTROL_BATCH_ROWS,
      row: CONTROL_BATCH_ROWS - 1,
    };
    const isBatched = !this.#options.isUnbatched;
    if (isBatched && (await rerunClient.reproduce(violation.objective, together, 1)).matchingRuns === 0)
      return `it shows alone and not in a batch of ${CONTROL_BATCH_ROWS}`;
    if (model.runtime !== 'onnx') return undefined;
    const loadOptions = { ...common.loadOptions, threads: CONTROL_THREADS };
    const threaded = { ...common, loadOptions, batch: data, rows: 1, row: 0 };
    if ((await rerunClient.reproduce(violation.objective, threaded, 1)).matchingRuns === 0)
      return `it shows on one thread and not on ${CONTROL_THREADS}`;
    return undefined;
  }

  #rateSeverity(hit: Hit): Promise<Severity | undefined> {
    const { rerunClient, seedSpan, imageFormats } = this.#options;
    // A variant would have to be changed anew, and text has no values that lie near to one another.
    if (hit.transformed !== undefined || this.#options.padIds.some((pad) => pad !== undefined))
      return Promise.resolve(undefined);
    return severityOf(hit.data, seedSpan, imageFormats, (variant) =>
      rerunClient.runVariant({ ...this.#rerunRequest(hit), batch: variant, rows: 1, row: 0 }),
    );
  }

  #rerunRequest({ violation: { signature, tensors }, label, transformed }: Hit) {
    const { objectives, modelPath, loadOptions, canTrace } = this.#options;
    return {
      model: modelPath,
      loadOptions,
      objectives,
      canTrace,
      expectedViolation: { signature, tensors },
      label,
      transformed,
    };
  }
}

/** What a confirmation has beside its verdict where no two models are compared. */
const NO_PAIR_DETAILS: Pick<RerunResult, 'outputs' | 'layerDivergences'> = {};

/** Another batch and other threads that a disagreement of two models must show with. */
const CONTROL_BATCH_ROWS = 3;
const CONTROL_THREADS = 2;

/** A testcase several times over. */
function repeatTestcase(data: TestcaseData, rows: number): TestcaseData {
  return packBatch(Array.from({ length: rows }, () => data));
}

function referenceOf(from: MutantOrigin | undefined, id: string): Pick<Lineage, 'reference'> {
  const reference = from?.isRebased ? id : from?.parent.reference;
  return reference === undefined ? {} : { reference };
}

function newFault(finding: Finding, path: string, seconds: number): Mutable<Fault> {
  const { signature, objective, summary, task, execs } = finding;
  return {
    formatVersion: FORMAT_VERSION,
    signatureVersion: SIGNATURE_VERSION,
    signature,
    objective,
    summary,
    firstTask: task,
    firstExecs: execs,
    hits: 0,
    kept: 0,
    flaky: 0,
    firstSeconds: seconds,
    path,
  };
}
