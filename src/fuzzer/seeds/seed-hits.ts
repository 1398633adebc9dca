import type { TestcaseBatch } from '../../model/testcase-batch.ts';
import type { Objective, Violation } from '../../objectives/objective.ts';
import type { ParentSource } from '../generation/parent-source.ts';
import type { Task } from '../scheduling/task.ts';
import { type SeedHit, seedDistance } from './seed-distance.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Collects what a task's violations say of the seeds that its mutants descend from. */
export class SeedHitCollector {
  readonly #source: ParentSource;
  /** Entries of the seeds, each once, and of each pick the place of its seed among them. */
  readonly #seeds: readonly number[];
  readonly #places: Int32Array;
  /** By place, the mutants of the batches before this one. */
  readonly #counts: Int32Array;
  /** Of each row of this batch, the place of its seed. */
  #rowPlaces = new Int32Array(0);
  #rows = 0;
  readonly #hits = new Map<string, Mutable<SeedHit>>();

  constructor({ parents }: Pick<Task, 'parents'>, source: ParentSource) {
    this.#source = source;
    const entries = parents.map((parent) => source.entryData(parent).ancestorIndex);
    this.#seeds = [...new Set(entries)];
    const placeOf = new Map(this.#seeds.map((seed, place) => [seed, place]));
    this.#places = Int32Array.from(entries, (seed) => placeOf.get(seed) ?? 0);
    this.#counts = new Int32Array(this.#seeds.length);
  }

  /** Call with each batch before it is judged, whether or not all of it runs. */
  beginBatch(rows: number, pickOf: (row: number) => number): void {
    for (let row = 0; row < this.#rows; row++) this.#counts[this.#rowPlaces[row]]++;
    if (this.#rowPlaces.length < rows) this.#rowPlaces = new Int32Array(rows);
    for (let row = 0; row < rows; row++) this.#rowPlaces[row] = this.#places[pickOf(row)];
    this.#rows = rows;
  }

  /**
   * Records a violation.
   *
   * @param row of the batch
   * @param mutant the row
   */
  record(objective: Objective, violation: Violation, row: number, mutant: TestcaseBatch): void {
    if (objective.breaksSeed?.(violation) !== true) return;
    const { name } = objective;
    const seed = this.#seeds[this.#rowPlaces[row]];
    const distance = seedDistance(mutant, this.#source.entryData(seed).data);
    const key = `${seed} ${name}`;
    const hit = this.#hits.get(key);
    if (hit === undefined) {
      this.#hits.set(key, { objective: name, seed, query: this.#queryOf(row), ...distance });
      return;
    }
    hit.linf = Math.min(hit.linf, distance.linf);
    hit.l2 = Math.min(hit.l2, distance.l2);
    hit.l0 = Math.min(hit.l0, distance.l0);
  }

  /** Which of its seed's mutants in the task a row is, from 1. */
  #queryOf(row: number): number {
    const place = this.#rowPlaces[row];
    let query = this.#counts[place] + 1;
    for (let before = 0; before < row; before++) if (this.#rowPlaces[before] === place) query++;
    return query;
  }

  /** In the order of their first violation. */
  get hits(): SeedHit[] {
    return [...this.#hits.values()];
  }
}
