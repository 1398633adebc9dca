import { marginsOf, tensorsOf } from '../../analysis/numerical-sites/site-margins.ts';
import type { Part } from '../../evaluation/judged-batch.ts';
import type { RowTensor } from '../../model/batched-model.ts';
import type { Objective, Run } from '../../objectives/objective.ts';
import type { Observed } from '../packed-testcases.ts';
import {
  type Approach,
  FAR,
  type Focus,
  type Nearer,
  type Point,
  targetMargins,
  targetRoom,
} from './directed-search.ts';

/** A mutant that goes back to the campaign. */
export interface Candidate extends Observed {
  readonly pick: number;
  /** The picks that made it out of its corpus entry one after the other; absent where there are no steps. */
  readonly path?: readonly number[] | undefined;
  readonly outcome: number;
}

/** A row of a run: the pick that it was made for, and how to keep it. */
interface Row {
  readonly pick: number;
  /** Undefined where it can't be an entry. */
  keep(): Candidate | undefined;
}

/** The nearest mutant so far of a pick, or at a target. */
interface Held {
  readonly margin: number;
  readonly pick: number;
  readonly target: number;
  readonly candidate: Candidate;
}

/** Writes the margins of a row's targets; returns how many there are. */
type Measure = (run: Run, tensors: ReadonlyMap<string, RowTensor>, row: number, out: Float64Array) => number;

/** Measures a task's mutants against its point and keeps those that come nearer: one a line and one a target. */
export class Climber {
  readonly tensors: readonly string[];
  /** The objective whose violation is sought; undefined where an operation is to go wrong. */
  readonly objective: Objective | undefined;
  readonly #focus: Focus;
  readonly #measure: Measure;
  /** By line of descent: a pick, or all picks of a step's same place where the task goes in steps. */
  readonly #byLine = new Map<number, Held>();
  readonly #stride: number;
  readonly #byTarget = new Map<number, Held>();
  readonly #margins = targetRoom();
  #targets = 0;
  #reached: number[] = [];

  /** @param varying whether testcases may be of several sizes */
  constructor(
    focus: Focus,
    points: readonly Point[],
    objectives: readonly Objective[],
    varying: boolean,
    stride: number | undefined,
  ) {
    this.#focus = focus;
    this.#stride = stride ?? focus.targets.length;
    const point = points[focus.point];
    if ('site' in point) {
      this.tensors = tensorsOf(point.aim);
      this.objective = undefined;
      this.#measure = (_run, tensors, row, out) =>
        targetMargins(marginsOf(point.aim, tensors, row), out, varying);
    } else {
      this.tensors = [];
      const objective = objectives.find(({ name }) => name === point.objective);
      this.objective = objective;
      this.#measure = (run, _tensors, row, out) => {
        const count = objective?.margins?.(run, row, out) ?? 0;
        for (let i = 0; i < count; i++) out[i] = Math.min(FAR, out[i]);
        return count;
      };
    }
  }

  /**
   * Looks at the rows of a run.
   *
   * @param rowAt undefined for a row of the whole that holds no mutant
   */
  see({ run, from }: Part, rowAt: (row: number) => Row | undefined): void {
    const tensors = new Map<string, RowTensor>();
    for (const tensor of [...run.outputs, ...run.activations]) tensors.set(tensor.name, tensor);
    const { targets, bars, best } = this.#focus;
    const margins = this.#margins;
    for (let row = 0; row < run.rows; row++) {
      const seen = rowAt(from + row);
      if (seen === undefined) continue;
      this.#targets = this.#measure(run, tensors, row, margins);
      const { pick } = seen;
      let kept: { readonly candidate: Candidate | undefined } | undefined;
      const hold = (held: Map<number, Held>, key: number, target: number, margin: number): void => {
        kept ??= { candidate: seen.keep() };
        const { candidate } = kept;
        if (candidate !== undefined) held.set(key, { margin, pick, target, candidate });
      };
      const own = targets[pick];
      for (let target = 0; target < this.#targets; target++) {
        const margin = margins[target];
        if (!(margin >= (this.#reached[target] ?? FAR))) this.#reached[target] = margin;
        // An entry within the unsafe region is a finding, or comes to nothing: there is no way on from it.
        if (margin === 0) continue;
        const bar = this.#byTarget.get(target)?.margin ?? best[target] ?? FAR;
        const isNearest = margin < bar;
        if (isNearest) hold(this.#byTarget, target, target, margin);
        const line = pick % this.#stride;
        if (target !== own || !(margin < (this.#byLine.get(line)?.margin ?? bars[pick]))) continue;
        if (!isNearest || this.#stride < targets.length) hold(this.#byLine, line, target, margin);
      }
    }
  }

  /** The target that a pick is for. */
  targetOf(pick: number): number {
    return this.#focus.targets[pick];
  }

  /** The margin below which a mutant of a pick is nearer than its line, or than any before it at its target. */
  barOf(pick: number): number {
    const { targets, bars, best } = this.#focus;
    const target = targets[pick];
    const own = this.#byLine.get(pick % this.#stride)?.margin ?? bars[pick];
    return Math.max(own, this.#byTarget.get(target)?.margin ?? best[target] ?? FAR);
  }

  /** What has come nearest in the line of a pick; undefined where nothing came nearer than the corpus entry. */
  heldIn(pick: number): Candidate | undefined {
    return this.#byLine.get(pick % this.#stride)?.candidate;
  }

  /** The mutants that came nearer, each once. */
  get candidates(): readonly Candidate[] {
    return [...new Set(this.#held.map(({ candidate }) => candidate))];
  }

  /** @param before candidates of the task that come before these */
  approach(before: number): Approach {
    const { candidates } = this;
    const nearer = this.#held.map(
      ({ margin, pick, target, candidate }): Nearer => ({
        candidate: before + candidates.indexOf(candidate),
        pick,
        target,
        margin,
      }),
    );
    const reached = Array.from({ length: this.#targets }, (_, target) => this.#reached[target] ?? FAR);
    return { targets: this.#targets, nearer, reached };
  }

  get #held(): readonly Held[] {
    return [...this.#byTarget.values(), ...this.#byLine.values()];
  }
}
