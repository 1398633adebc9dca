import type { Confirmation, Finding, SignatureRecord } from '../campaign/finding.ts';
import { FORMAT_VERSION, findingFolder } from '../campaign/finding.ts';
import type { Store } from '../campaign/store.ts';
import { type Lineage, testcaseId } from '../campaign/testcase.ts';
import type { Model } from '../models/model.ts';
import { RowModel } from '../models/rows.ts';
import { distanceBetween } from '../mutators/constraint.ts';
import { type Objective, SIGNATURE_VERSION } from '../objectives/objective.ts';
import { RUNS, reproduce } from '../objectives/reproduce.ts';
import type { Entry } from './corpus.ts';
import type { Hit, HitCount } from './task.ts';

/** What faults are made from. */
export interface FaultOptions {
  readonly store: Store;
  readonly objectives: readonly Objective[];
  readonly layout: RowModel['layout'];
  /** Opens the model anew, untouched by what ran before. */
  readonly openModel: () => Promise<Model>;
  readonly model: Finding['model'];
  readonly masterSeed: string;
  readonly keep: number;
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

/** Counts hits, runs the first of each signature again and keeps them on disk. */
export class Faults {
  readonly #options: FaultOptions;
  readonly #faults = new Map<string, Mutable<Fault>>();
  readonly #ids = new Set<string>();

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
    const { keep } = this.#options;
    return this.all
      .filter((fault) => fault.kept >= keep || fault.flaky >= keep)
      .map((fault) => fault.signature);
  }

  /** Counts a task's hits; those of signatures never seen before are counted when `add` takes their first. */
  count(counts: readonly HitCount[]): void {
    for (const { signature, hits } of counts) {
      const fault = this.#faults.get(signature);
      if (fault !== undefined) fault.hits += hits;
    }
  }

  /**
   * Confirms a hit and keeps it, unless enough of its signature is kept.
   *
   * @param ancestor the hit's seed
   * @param from what the hit was mutated from; undefined for a seed
   * @returns the fault where it is new
   */
  async add(
    hit: Hit,
    task: number,
    mutators: readonly string[],
    ancestor: Entry | undefined,
    from: Entry | undefined,
    seconds: number,
  ): Promise<Fault | undefined> {
    const { layout, store, keep, masterSeed, model } = this.#options;
    const { violation } = hit;
    const id = testcaseId(layout.inputs, hit.data);
    const known = this.#faults.get(violation.signature);
    const key = `${violation.signature}/${id}`;
    if (this.#ids.has(key) || (known !== undefined && (known.kept >= keep || known.flaky >= keep)))
      return undefined;
    this.#ids.add(key);

    const confirmation = await this.#confirm(hit);
    const lineage: Lineage = {
      id,
      parent: from?.id ?? null,
      ancestor: ancestor?.id ?? id,
      generation: from === undefined ? 0 : from.generation + 1,
      mutators,
    };
    const types = layout.inputs.map((input) => input.type);
    const folder = findingFolder(violation.signature, id, confirmation.status);
    const finding: Finding = {
      formatVersion: FORMAT_VERSION,
      ...lineage,
      signature: violation.signature,
      signatureVersion: SIGNATURE_VERSION,
      objective: violation.objective,
      summary: violation.summary,
      violation: { tensors: violation.tensors, details: violation.details },
      model,
      seed: masterSeed,
      distance: distanceBetween(types, hit.data, ancestor?.data ?? hit.data),
      task,
      execs: hit.execs,
      ...confirmation,
      ...(confirmation.status === 'batch-dependent'
        ? { batch: { row: hit.batch.row, rows: hit.batch.rows } }
        : {}),
      replay: `neurofuzz replay ${folder}`,
    };
    await store.keep(finding, hit.data, hit.batch.data);
    return this.#record(finding, folder, seconds);
  }

  #record(finding: Finding, path: string, seconds: number): Fault | undefined {
    let fault = this.#faults.get(finding.signature);
    const isNew = fault === undefined;
    if (fault === undefined) {
      const { signature, objective, summary, task, execs } = finding;
      fault = {
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
      this.#faults.set(signature, fault);
    }
    if (finding.status === 'flaky') fault.flaky++;
    else if (fault.kept++ === 0) fault.path = path;
    return isNew ? fault : undefined;
  }

  /** Writes signature.json of every fault. */
  async write(): Promise<void> {
    for (const { kept, flaky: _flaky, firstSeconds: _seconds, path: _path, ...record } of this.all) {
      await this.#options.store.signature(record, kept === 0);
    }
  }

  /** Runs a hit again alone; where it does not show, in the batch that it was found in. */
  async #confirm(hit: Hit): Promise<Confirmation> {
    const { objectives, layout, openModel } = this.#options;
    const model = new RowModel(await openModel(), layout);
    const { signature, tensors } = hit.violation;
    try {
      const alone = await reproduce(
        model,
        objectives,
        { signature, tensors },
        {
          capacity: 1,
          columns: hit.data,
        },
      );
      if (alone.times === RUNS) return { reproduced: `${RUNS}/${RUNS}`, status: 'confirmed' };
      if (alone.times === 0 && hit.batch.rows > 1) {
        const block = { capacity: hit.batch.rows, columns: hit.batch.data };
        const together = await reproduce(
          model,
          objectives,
          { signature, tensors },
          block,
          hit.batch.rows,
          hit.batch.row,
        );
        if (together.times === RUNS) return { reproduced: `${RUNS}/${RUNS}`, status: 'batch-dependent' };
        return { reproduced: `${together.times}/${RUNS}`, status: 'flaky' };
      }
      return { reproduced: `${alone.times}/${RUNS}`, status: 'flaky' };
    } finally {
      await model.model.dispose();
    }
  }
}
