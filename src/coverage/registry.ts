import type { BatchResult } from '../model/batched-model.ts';
import { readNumber } from '../tensor/tensor.ts';
import { RandomProjection } from './criteria/random-projection.ts';
import type {
  CoverageCriterion,
  CoverageCriterionKind,
  CoverageCriterionSettings,
  WalkStep,
} from './criterion.ts';
import { HnswIndex, type SnapshotOptions } from './index/hnsw-index.ts';
import { type NeighbourIndex, squaredDistance } from './index/neighbour-index.ts';
import { SortedIndex } from './index/sorted-index.ts';
import { loadCriterion } from './plugin.ts';

/** Share of single steps that would count as new if nothing but their parent were known. */
const NEW_STEP_SHARE = 0.01;

/** Numbers that are compared as they are; wider vectors are projected. */
export const MAX_UNPROJECTED_WIDTH = 256;

/**
 * All values of the watched tensors, joined in the order asked for, and projected where they are more than
 * `WIDEST` or not always as many. The threshold is the length that one step in a hundred exceeds.
 */
const values: CoverageCriterionKind = {
  name: 'values',
  help: 'all values',
  make({ seed, varying }) {
    const projections = new Map<number, RandomProjection>();
    return {
      observe(result) {
        const all = joinActivations(result);
        const width = all.length / result.rows;
        if (width <= MAX_UNPROJECTED_WIDTH && !varying) return all;
        let projection = projections.get(width);
        if (projection === undefined) {
          projection = new RandomProjection(width, seed);
          projections.set(width, projection);
        }
        return projection.project(all, result.rows);
      },
    };
  },
};

/** The threshold that one step in a hundred exceeds. */
function calibrateByQuantile(walk: readonly WalkStep[]): number | undefined {
  return quantile(walk.map(squaredStepLength), 1 - NEW_STEP_SHARE);
}

/** The watched tensors side by side, `[rows, width]`. */
function joinActivations({ activations, rows }: BatchResult): Float32Array {
  if (activations.length === 1 && activations[0].data instanceof Float32Array) return activations[0].data;
  const width = activations.reduce((sum, tensor) => sum + tensor.size, 0);
  const all = new Float32Array(rows * width);
  let column = 0;
  for (const { type, size, data } of activations) {
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < size; i++) all[row * width + column + i] = readNumber(type, data, row * size + i);
    }
    column += size;
  }
  return all;
}

/** Side of a cell over the median step: cells of a fifth of a step. */
const CELL_SIDE = 1 / 5;

/**
 * The length (L2 norm) of each watched tensor. There are few lengths between the shortest and the longest
 * seen, so soon only longer or shorter ones are new and the search goes outward, where numbers overflow;
 * among all values there is always something new within. TensorFuzz does the same for NaN with the sum of
 * the logits' magnitudes (its lib/coverage_functions.py).
 */
const norm: CoverageCriterionKind = {
  name: 'norm',
  help: 'the length of each tensor',
  make: () => ({ observe: tensorNorms, calibrate: calibrateByCell }),
};

function tensorNorms(result: BatchResult): Float32Array {
  const width = result.activations.length;
  const lengths = new Float32Array(result.rows * width);
  result.activations.forEach(({ type, size, data }, column) => {
    for (let row = 0; row < result.rows; row++) {
      let squares = 0;
      for (let i = row * size; i < (row + 1) * size; i++) {
        const value = type === 'float32' ? (data[i] as number) : readNumber(type, data, i);
        squares += value * value;
      }
      lengths[row * width + column] = Math.sqrt(squares);
    }
  });
  return lengths;
}

function calibrateByCell(walk: readonly WalkStep[]): number | undefined {
  const median = quantile(walk.map(squaredStepLength), 0.5);
  if (median === undefined) return undefined;
  // Cells fill a line; in more directions there is room for nearly every step to be new.
  return walk[0].vector.length > 1 ? median : median * CELL_SIDE ** 2;
}

function squaredStepLength({ vector, from }: WalkStep): number {
  return squaredDistance(vector, 0, from);
}

const CRITERIA: readonly CoverageCriterionKind[] = [norm, values];

/**
 * Makes a measure.
 *
 * @param name of one of ours, or the path of a module
 * @throws UserError where the module is none
 */
export async function resolveCriterion(
  name: string,
  settings: CoverageCriterionSettings,
): Promise<CoverageCriterion> {
  return makeCriterion(name, settings) ?? withDefaultCalibration(await loadCriterion(name, settings));
}

/** Makes one of our own measures; undefined where there is none of the name. */
export function makeCriterion<N extends string>(
  name: N,
  settings: CoverageCriterionSettings,
): N extends 'norm' | 'values' ? CoverageCriterion : CoverageCriterion | undefined;
export function makeCriterion(
  name: string,
  settings: CoverageCriterionSettings,
): CoverageCriterion | undefined {
  const kind = CRITERIA.find((one) => one.name === name);
  return kind && withDefaultCalibration(kind.make(settings));
}

function withDefaultCalibration({
  observe,
  calibrate = calibrateByQuantile,
}: ReturnType<CoverageCriterionKind['make']>): CoverageCriterion {
  return { observe, calibrate };
}

/** What a measure compares, for people; a module is not loaded for that. */
export function criterionHelp(name: string): string {
  return CRITERIA.find((kind) => kind.name === name)?.help ?? name;
}

/** The index that suits vectors of a width: a sorted line for single numbers, hnswlib for all others. */
export function makeNeighbourIndex(width: number, sealing?: SnapshotOptions): NeighbourIndex {
  return width === 1 ? new SortedIndex() : new HnswIndex(width, sealing);
}

/** The quantile of those distances that are above zero. */
function quantile(distances: readonly number[], share: number): number | undefined {
  const moved = distances.filter((distance) => distance > 0).sort((a, b) => a - b);
  return moved.length === 0 ? undefined : moved[Math.min(moved.length - 1, Math.floor(moved.length * share))];
}
