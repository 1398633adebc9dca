import type { CampaignConfig } from '../config/schema.ts';
import { isFiniteVector } from '../coverage/index.ts';
import type { WalkStep } from '../coverage/measure.ts';
import { reason, UserError } from '../errors.ts';
import { packRows, type RowResult } from '../models/rows.ts';
import { rowsOf } from '../models/tensor.ts';
import type { Violation } from '../objectives/objective.ts';
import type { Entry } from './corpus.ts';
import { MUTANTS_PER_PICK } from './plan.ts';
import type { InputPlan, Notes } from './target.ts';
import { Worker, type WorkerOptions } from './worker.ts';

/** A seed after its first run. */
export interface RunSeed {
  readonly data: InputPlan['seeds']['rows'][number];
  /** What coverage compares. */
  readonly activations: Float32Array;
  /** How it breaks an objective already, if it does. */
  readonly violation: Violation | undefined;
}

/** Runs every seed once. */
export async function runSeeds(options: WorkerOptions, inputs: InputPlan): Promise<RunSeed[]> {
  const { layout, rows } = inputs.seeds;
  const seeds: RunSeed[] = [];
  for (let from = 0; from < rows.length; from += options.batch) {
    const some = rows.slice(from, from + options.batch);
    let result: RowResult;
    try {
      result = await options.model.run(packRows(layout.inputs, some), some.length, options.watched);
    } catch (error) {
      throw new UserError(`the model fails on seeds ${from} to ${from + some.length - 1}: ${reason(error)}`);
    }
    const all = options.measure.vectors(result);
    const width = all.length / some.length;
    const violations = new Map<number, Violation>();
    for (const objective of options.objectives) {
      objective.judge(result, (row, violation) => {
        if (!violations.has(row)) violations.set(row, violation);
      });
    }
    some.forEach((data, row) => {
      seeds.push({
        data,
        activations: rowsOf(all, width, row, row + 1).slice(),
        violation: violations.get(row),
      });
    });
  }
  return seeds;
}

/** Steps of the calibrating walks, and the mutants in all of them. */
const WALK_STEPS = 16;
const MUTANTS = 2048;

/** The threshold asked for, or one that suits how far mutants of these seeds lie from one another. */
export async function settleThreshold(
  config: Pick<CampaignConfig, 'threshold' | 'guidance'>,
  options: WorkerOptions,
  seeds: readonly RunSeed[],
  notes: Notes,
): Promise<{ readonly value: number; readonly why: string }> {
  if (config.threshold !== 'auto') return { value: config.threshold, why: 'as asked for' };
  const sound = seeds.filter(
    ({ violation, activations }) =>
      violation === undefined && isFiniteVector(activations, 0, activations.length),
  );
  if (config.guidance === 'none' || sound.length === 0) return { value: 0, why: 'not used' };
  const steps = await walk(options, sound);
  const threshold = options.measure.calibrate(steps);
  if (threshold === undefined) {
    notes.warn(
      'no mutant of the seeds changes the activations: try other tensors with --coverage or a larger --range',
    );
    return { value: Number.MIN_VALUE, why: 'nothing moved' };
  }
  return { value: Number(threshold.toPrecision(6)), why: `calibrated on ${steps.length} mutants` };
}

/** Walks from the seeds at random: each step's mutants are the parents of the next. */
async function walk(options: WorkerOptions, seeds: readonly RunSeed[]): Promise<WalkStep[]> {
  const worker = new Worker(options);
  // Nothing in the index and a threshold below every distance: each sound mutant is sent back.
  const index = { size: 0, add: () => {}, nearest: () => Number.POSITIVE_INFINITY };
  const entries: Entry[] = seeds.map(({ data, activations }, i) => walkEntry(i, i, data, activations));
  let parents = entries.map((_, i) => i);
  const steps: WalkStep[] = [];
  for (let step = 0; step < WALK_STEPS && parents.length > 0; step++) {
    const picks = Array.from({ length: MUTANTS / WALK_STEPS / MUTANTS_PER_PICK }, (_, i) => ({
      entry: parents[i % parents.length],
      mutants: MUTANTS_PER_PICK,
    }));
    // Negative numbers: no task of the campaign draws the same.
    const task = { number: -1 - step, execsBefore: 0, picks, saturated: [] };
    const { candidates } = await worker.run(task, {
      corpus: { entries, seeds: seeds.length },
      index,
      threshold: -1,
    });
    parents = candidates.map(({ parent, data, activations }) => {
      const from = entries[parent];
      steps.push({ vector: activations, from: from.activations });
      entries.push(walkEntry(entries.length, from.ancestorIndex, data, activations));
      return entries.length - 1;
    });
    // One child of each parent walks on, so that the walks stay apart.
    parents = parents.filter((_, i) => i % MUTANTS_PER_PICK === 0);
  }
  return steps;
}

function walkEntry(
  index: number,
  ancestorIndex: number,
  data: Entry['data'],
  activations: Float32Array,
): Entry {
  const lineage = { id: '', parent: null, ancestor: '', generation: 0, mutators: [] };
  return { ...lineage, index, data, ancestorIndex, activations, novelty: null, task: 0 };
}
