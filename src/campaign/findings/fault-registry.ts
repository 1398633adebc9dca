import { distanceBetween } from '../../constraints/distance.ts';
import { visible } from '../../core/escape-control.ts';
import type { Reproduction } from '../../evaluation/rerun.ts';
import type { Entry } from '../../fuzzer/corpus/corpus.ts';
import type { Hit, HitCount } from '../../fuzzer/scheduling/task.ts';
import type { Picture } from '../../inputs/image.ts';
import { type Lineage, type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import { packRows } from '../../model/batched-model.ts';
import type { LoadOptions } from '../../model/model.ts';
import { dependsOnMachine } from '../../objectives/crash-signature.ts';
import { isOf, SIGNATURE_VERSION, type Violation } from '../../objectives/objective.ts';
import { comparesModels } from '../../objectives/registry.ts';
import type { Store } from '../../storage/campaign-store.ts';
import type { Confirmation, Finding, Severity, SignatureRecord } from '../../storage/finding.ts';
import { FORMAT_VERSION, findingFolder } from '../../storage/finding.ts';
import type { Reproducer } from '../../workers/rerun-client.ts';
import { type SeedSpan, severityOf } from './severity.ts';

/** What faults are made from. */
export interface FaultOptions {
  readonly store: Store;
  readonly reproducer: Reproducer;
  /** Specs of the objectives. */
  readonly objectives: readonly string[];
  /** Names of those that go by how long runs take. */
  readonly timed: readonly string[];
  /** The file that is run again. */
  readonly modelPath: string;
  readonly load: LoadOptions;
  /** The model as findings name it. */
  readonly model: Finding['model'];
  /** What it is compared with, likewise. */
  readonly copy?: Finding['model'];
  readonly masterSeed: string;
  readonly keep: number;
  /** Whether two models are compared and there is memory for looking at them layer by layer. */
  readonly compares: boolean;
  /** Whether the model takes one testcase a run. */
  readonly singly: boolean;
  /** Whether there is memory for tracing findings to operations. */
  readonly traces: boolean;
  readonly span: SeedSpan;
  readonly pictures: readonly (Picture | undefined)[];
  /** Of each input, the id of places that hold no token; undefined where there are none. */
  readonly pads: readonly (number | undefined)[];
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
export interface Origin {
  readonly parent: Entry;
  readonly ancestor: TestcaseData;
  readonly mutators: readonly string[];
  /** Mutations between the entry and it. */
  readonly steps: number;
  /** Whether the hit is what DeepHunter's rule measures from now. */
  readonly rebases: boolean;
}

/** A finding that is on disk. */
export interface Kept {
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
export class Faults {
  readonly #options: FaultOptions;
  readonly #faults = new Map<string, Mutable<Fault>>();
  readonly #keys = new Set<string>();

  constructor(options: FaultOptions) {
    this.#options = options;
  }

  get all(): readonly Fault[] {
    return [...this.#faults.values()];
  }

  /** Faults with a finding that was confirmed. */
  get confirmed(): readonly Fault[] {
    return this.all.filter((fault) => fault.kept > 0);
  }

  get hits(): number {
    return this.all.reduce((sum, fault) => sum + fault.hits, 0);
  }

  /** Signatures of which enough is kept. */
  get saturated(): string[] {
    return this.all.filter(({ kept, flaky }) => this.#isEnough(kept, flaky)).map((fault) => fault.signature);
  }

  /** Counts a task's hits; those of signatures never seen before are counted once their first is entered. */
  count(counts: readonly HitCount[]): void {
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
  async keep(
    hits: readonly Hit[],
    task: number,
    origin: ((hit: Hit) => Origin) | undefined,
    untilFinding: boolean,
  ): Promise<Kept[]> {
    const kept: Kept[] = [];
    for (const hit of hits) {
      const { signature } = hit.violation;
      const id = testcaseId(hit.data);
      const same = kept.filter(({ finding }) => finding.signature === signature);
      const known = this.#faults.get(signature);
      const flaky = same.filter(({ finding }) => finding.status === 'flaky').length;
      const sound = same.length - flaky;
      if (this.#isEnough((known?.kept ?? 0) + sound, (known?.flaky ?? 0) + flaky)) continue;
      if (this.#keys.has(`${signature}/${id}`) || same.some(({ finding }) => finding.id === id)) continue;
      kept.push(await this.#keepOne(hit, id, task, origin?.(hit)));
      if (untilFinding && kept.at(-1)?.finding.status !== 'flaky') break;
    }
    return kept;
  }

  /** Takes note of findings that are on disk; returns the faults that are new. */
  enter(kept: readonly Kept[], seconds: number): Fault[] {
    const found: Fault[] = [];
    for (const { finding, path } of kept) {
      this.#keys.add(`${finding.signature}/${finding.id}`);
      let fault = this.#faults.get(finding.signature);
      if (fault === undefined) {
        fault = firstOf(finding, path, seconds);
        this.#faults.set(finding.signature, fault);
        found.push(fault);
      }
      if (finding.status === 'flaky') fault.flaky++;
      else if (fault.kept++ === 0) fault.path = path;
    }
    return found;
  }

  /** Writes signature.json of every fault. */
  async write(): Promise<void> {
    for (const { kept, flaky: _flaky, firstSeconds: _seconds, path: _path, ...record } of this.all) {
      await this.#options.store.signature(record, kept === 0 || this.dependsOnMachine(record));
    }
  }

  /** Whether a fault depends on the clock or the machine: it is kept apart, and nothing is learnt from it. */
  dependsOnMachine({ signature, objective }: Pick<Violation, 'signature' | 'objective'>): boolean {
    return dependsOnMachine(objective) || this.#isTimed(signature);
  }

  #isTimed(signature: string): boolean {
    return this.#options.timed.some((name) => isOf(signature, name));
  }

  save(): SavedFaults {
    return { faults: this.all.map((fault) => ({ ...fault })), keys: [...this.#keys] };
  }

  restore({ faults, keys }: SavedFaults): void {
    for (const fault of faults) this.#faults.set(fault.signature, { ...fault });
    for (const key of keys) this.#keys.add(key);
  }

  #isEnough(kept: number, flaky: number): boolean {
    const { keep } = this.#options;
    return kept >= keep || flaky >= keep;
  }

  async #keepOne(hit: Hit, id: string, task: number, from: Origin | undefined): Promise<Kept> {
    const { store, masterSeed, model, copy, pads, textOf } = this.#options;
    const { violation } = hit;
    const { signature, objective } = violation;
    const apart = this.dependsOnMachine(violation);
    for (const path of new Set([findingFolder(signature, id, apart), findingFolder(signature, id, true)])) {
      const finding = await store.finding(path);
      if (finding !== undefined) return { finding, path };
    }
    const reference = this.#isTimed(signature) ? from?.ancestor : undefined;
    const { origin, summary, outputs, departures, ...confirmation } = await this.#confirm(hit, reference);
    const severity = confirmation.status === 'confirmed' && !apart ? await this.#severity(hit) : undefined;
    const lineage: Lineage = {
      id,
      parent: from?.parent.id ?? null,
      ancestor: from?.parent.ancestor ?? id,
      ...referenceOf(from, id),
      generation: from === undefined ? 0 : from.parent.generation + from.steps,
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
      summary: visible(summary ?? violation.summary),
      violation: { tensors: violation.tensors, details: violation.details },
      model,
      ...(copy === undefined ? {} : { copy }),
      seed: masterSeed,
      distance: distanceBetween(hit.data, from?.ancestor ?? hit.data, pads),
      ...(origin === undefined ? {} : { origin }),
      ...(departures === undefined ? {} : { departures }),
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
    const { changed } = hit;
    const text = textOf(hit.data);
    await store.keep(path, finding, hit.data, { batch: hit.batch.data, outputs, changed, reference, text });
    return { finding, path };
  }

  /** Runs a hit again alone; where it does not show, in the batch that it was found in. */
  async #confirm(
    hit: Hit,
    reference: TestcaseData | undefined,
  ): Promise<Confirmation & Pick<Reproduction, 'origin' | 'summary' | 'outputs' | 'departures'>> {
    const { reproducer } = this.#options;
    const { violation, data, batch } = hit;
    const { objective } = violation;
    const common = { ...this.#trial(hit), reference };
    const alone = await reproducer.reproduce(objective, {
      ...common,
      block: data,
      rows: 1,
      row: 0,
      explains: true,
      compares: this.#options.compares,
    });
    const { origin, summary } = alone;
    // Of a pair that breaks something else, what both gave is not the point.
    const isPair = comparesModels(objective) || hit.changed !== undefined;
    const { outputs, departures } = isPair ? alone : NO_PAIR;
    const reproduced = `${alone.times}/${alone.of}`;
    if (alone.times === alone.of) {
      const why = outputs === undefined ? undefined : await this.#wavering(hit, alone);
      if (why !== undefined) return { reproduced, status: 'flaky', why, outputs };
      return { reproduced, status: 'confirmed', origin, summary, outputs, departures };
    }
    // What two models part in must not hang on how many testcases a run has.
    if (outputs !== undefined) {
      const why = alone.times > 0 ? undefined : `it shows in a batch of ${batch.rows} and not alone`;
      return { reproduced, status: 'flaky', ...(why === undefined ? {} : { why }), outputs };
    }
    if (alone.times > 0 || batch.rows === 1) return { reproduced, status: 'flaky' };
    const together = await reproducer.reproduce(objective, {
      ...common,
      block: batch.data,
      rows: batch.rows,
      row: batch.row,
    });
    const status = together.times === together.of ? 'batch-dependent' : 'flaky';
    return { reproduced: `${together.times}/${together.of}`, status };
  }

  /** Why a disagreement that shows alone is none of the two models': undefined where it is. */
  async #wavering(hit: Hit, alone: Reproduction): Promise<string | undefined> {
    const { violation, data } = hit;
    if (alone.steady === false) return 'the reference itself gives something else from run to run';
    const { reproducer, model } = this.#options;
    const common = this.#trial(hit);
    const together = { ...common, block: repeated(data, OTHER_ROWS), rows: OTHER_ROWS, row: OTHER_ROWS - 1 };
    const isBatched = !this.#options.singly;
    if (isBatched && (await reproducer.reproduce(violation.objective, together, 1)).times === 0)
      return `it shows alone and not in a batch of ${OTHER_ROWS}`;
    if (model.runtime !== 'onnx') return undefined;
    const load = { ...common.load, threads: OTHER_THREADS };
    const threaded = { ...common, load, block: data, rows: 1, row: 0 };
    if ((await reproducer.reproduce(violation.objective, threaded, 1)).times === 0)
      return `it shows on one thread and not on ${OTHER_THREADS}`;
    return undefined;
  }

  #severity(hit: Hit): Promise<Severity | undefined> {
    const { reproducer, span, pictures } = this.#options;
    // A variant would have to be changed anew, and text has no values that lie near to one another.
    if (hit.changed !== undefined || this.#options.pads.some((pad) => pad !== undefined))
      return Promise.resolve(undefined);
    return severityOf(hit.data, span, pictures, (variant) =>
      reproducer.vary({ ...this.#trial(hit), block: variant, rows: 1, row: 0 }),
    );
  }

  #trial({ violation: { signature, tensors }, label, changed }: Hit) {
    const { objectives, modelPath, load, traces } = this.#options;
    return { model: modelPath, load, objectives, traces, suspect: { signature, tensors }, label, changed };
  }
}

/** What a confirmation has beside its verdict where no two models are compared. */
const NO_PAIR: Pick<Reproduction, 'outputs' | 'departures'> = {};

/** Another batch and other threads that a disagreement of two models must show with. */
const OTHER_ROWS = 3;
const OTHER_THREADS = 2;

/** A testcase several times over. */
function repeated(data: TestcaseData, rows: number): TestcaseData {
  return packRows(Array.from({ length: rows }, () => data));
}

function referenceOf(from: Origin | undefined, id: string): Pick<Lineage, 'reference'> {
  const reference = from?.rebases ? id : from?.parent.reference;
  return reference === undefined ? {} : { reference };
}

function firstOf(finding: Finding, path: string, seconds: number): Mutable<Fault> {
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
