import type { TestcaseData } from '../campaign/testcase.ts';
import { isFiniteVector, type NeighbourIndex, squaredDistance } from '../coverage/index.ts';
import type { Measure } from '../coverage/measure.ts';
import { type Block, makeBlock, type RowModel, type RowResult } from '../models/rows.ts';
import { copyInto, copyOf, readNumber, rowsOf, writeNumber } from '../models/tensor.ts';
import { BoundsKeeper, type Range, workingArray } from '../mutators/constraint.ts';
import type { Draws, Mutator, Values } from '../mutators/mutator.ts';
import { NoisePool } from '../mutators/noise.ts';
import type { Objective } from '../objectives/objective.ts';
import { randomStream } from '../random.ts';
import type { Corpus, Entry } from './corpus.ts';
import { HitBook } from './hit-book.ts';
import { batchesFrom, type Candidate, type PhaseSeconds, type Task, type TaskResult } from './task.ts';

/** All that a worker is made from; two workers made alike give the same results. */
export interface WorkerOptions {
  readonly model: RowModel;
  readonly objectives: readonly Objective[];
  readonly mutators: readonly (Mutator | undefined)[];
  readonly ranges: readonly Range[];
  readonly linf: number | undefined;
  readonly watched: readonly string[];
  readonly measure: Measure;
  readonly masterSeed: string;
  readonly batch: number;
  /** Hits of one signature that a task sends back with their data. */
  readonly keep: number;
}

/** The corpus and index that a task sees: as they stood after task n − lag. */
export interface Snapshot {
  readonly corpus: Corpus;
  /** Absent without guidance: nothing is kept then. */
  readonly index: NeighbourIndex | undefined;
  readonly threshold: number;
}

/** Bounds kept for each input; as many as there are seeds would be too much for a folder of photographs. */
const MOST_BOUNDS = 64;

/** Carries out tasks: mutates, runs the model, judges, and asks the index what is new. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #block: Block;
  /** Bounds of each input around the ancestors used last. */
  readonly #bounds: readonly Map<number, BoundsKeeper>[];
  readonly #noise: NoisePool;
  /** Where mutants of inputs that are no float32 are made before they are rounded into the block. */
  readonly #scratch: readonly { readonly parent: Values; readonly mutant: Values }[];
  readonly #parents: Int32Array;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { inputs } = options.model.layout;
    this.#block = makeBlock(inputs, options.batch);
    this.#bounds = inputs.map(() => new Map<number, BoundsKeeper>());
    this.#noise = new NoisePool(options.masterSeed);
    this.#scratch = inputs.map(({ type, size }) => {
      const length = type === 'float32' ? 0 : size;
      return { parent: workingArray(type, length), mutant: workingArray(type, length) };
    });
    this.#parents = new Int32Array(options.batch);
  }

  /** Runs a task against a snapshot. Its draws come from (master seed, task number) alone. */
  async run(task: Task, snapshot: Snapshot): Promise<TaskResult> {
    const draws: Draws = {
      random: randomStream(this.#options.masterSeed, 'mutate', task.number),
      noise: this.#noise,
    };
    const seconds: PhaseSeconds = { mutate: 0, model: 0, objectives: 0, coverage: 0 };
    const book = new HitBook(task, this.#options.keep);
    const candidates: Candidate[] = [];
    let mutants = 0;
    for (const picks of batchesFrom(task, this.#options.batch)) {
      const start = performance.now();
      draws.noise.refresh(draws.random);
      const rows = this.#mutate(picks, snapshot.corpus, draws);
      const mutated = performance.now();
      const result = await this.#options.model.run(this.#block, rows, this.#options.watched);
      const ran = performance.now();
      const hit = this.#judge(result, task.execsBefore + mutants, book);
      const judged = performance.now();
      this.#lookForNew(result, hit, snapshot, candidates);
      seconds.mutate += (mutated - start) / 1000;
      seconds.model += (ran - mutated) / 1000;
      seconds.objectives += (judged - ran) / 1000;
      seconds.coverage += (performance.now() - judged) / 1000;
      mutants += rows;
    }
    return { task: task.number, mutants, candidates, hits: book.hits, counts: book.counts(), seconds };
  }

  /** Fills the block with mutants of the picks; returns how many. */
  #mutate(picks: Task['picks'], corpus: Corpus, draws: Draws): number {
    const { mutators } = this.#options;
    let row = 0;
    for (const { entry: index, mutants } of picks) {
      const entry = corpus.entries[index];
      const ancestor = corpus.entries[entry.ancestorIndex];
      this.#parents.fill(index, row, row + mutants);
      mutators.forEach((mutator, input) => {
        if (mutator === undefined) this.#repeat(input, entry, row, mutants);
        else this.#mutateInput(mutator, input, entry, ancestor, row, mutants, draws);
      });
      row += mutants;
    }
    return row;
  }

  #repeat(input: number, entry: Entry, row: number, mutants: number): void {
    const { size } = this.#options.model.layout.inputs[input];
    for (let i = 0; i < mutants; i++)
      copyInto(this.#block.columns[input], entry.data[input], (row + i) * size);
  }

  #mutateInput(
    mutator: Mutator,
    input: number,
    entry: Entry,
    ancestor: Entry,
    row: number,
    mutants: number,
    draws: Draws,
  ): void {
    const { type, size } = this.#options.model.layout.inputs[input];
    const bounds = this.#boundsAround(input, ancestor);
    const column = this.#block.columns[input];
    const parent = entry.data[input];
    if (column instanceof Float32Array) {
      for (let i = 0; i < mutants; i++) {
        mutator.mutate(column, (row + i) * size, parent as Float32Array, bounds, draws);
      }
      return;
    }
    const scratch = this.#scratch[input];
    for (let k = 0; k < size; k++) scratch.parent[k] = readNumber(type, parent, k);
    for (let i = 0; i < mutants; i++) {
      mutator.mutate(scratch.mutant, 0, scratch.parent, bounds, draws);
      for (let k = 0; k < size; k++) writeNumber(type, column, (row + i) * size + k, scratch.mutant[k]);
    }
  }

  #boundsAround(input: number, ancestor: Entry): BoundsKeeper {
    const { model, ranges, linf } = this.#options;
    const kept = this.#bounds[input];
    // Without a constraint the bounds are the range, whoever the ancestor is.
    const key = linf === undefined ? 0 : ancestor.index;
    let bounds = kept.get(key);
    if (bounds === undefined) {
      if (kept.size >= MOST_BOUNDS) kept.clear();
      const { type, size } = model.layout.inputs[input];
      bounds = new BoundsKeeper(type, size, ranges[input], linf).around(ancestor.data[input]);
      kept.set(key, bounds);
    }
    return bounds;
  }

  /** Returns the rows that broke an objective. */
  #judge(result: RowResult, execsBefore: number, book: HitBook): ReadonlySet<number> {
    const hit = new Set<number>();
    for (const objective of this.#options.objectives) {
      objective.judge(result, (row, violation) => {
        hit.add(row);
        if (book.wants(violation)) {
          book.keep({
            parent: this.#parents[row],
            execs: execsBefore + row + 1,
            violation,
            data: this.#rowData(row, row + 1),
            batch: { data: this.#rowData(0, result.rows), rows: result.rows, row },
          });
        }
      });
    }
    return hit;
  }

  // Most mutants lie nearer to their parent than the threshold; those need no search.
  #lookForNew(
    result: RowResult,
    hit: ReadonlySet<number>,
    snapshot: Snapshot,
    candidates: Candidate[],
  ): void {
    const { index, threshold, corpus } = snapshot;
    if (index === undefined) return;
    const all = this.#options.measure.vectors(result);
    const width = all.length / result.rows;
    for (let row = 0; row < result.rows; row++) {
      const parent = corpus.entries[this.#parents[row]];
      const near = squaredDistance(all, row * width, parent.activations);
      if (near <= threshold || hit.has(row) || !isFiniteVector(all, row * width, width)) continue;
      const activations = all.subarray(row * width, (row + 1) * width);
      if (index.nearest(activations) <= threshold) continue;
      candidates.push({
        parent: this.#parents[row],
        data: this.#rowData(row, row + 1),
        activations: activations.slice(),
      });
    }
  }

  #rowData(from: number, to: number): TestcaseData {
    return this.#options.model.layout.inputs.map((input, i) =>
      copyOf(rowsOf(this.#block.columns[i], input.size, from, to)),
    );
  }
}
