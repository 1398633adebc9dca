import { type GraphNode, producersByTensor } from '../../model/graph/graph.ts';
import type { Model, NamedTensor } from '../../model/model.ts';
import { DTYPES, readNumber, type Tensor } from '../../tensor/tensor.ts';
import { ChunkSize } from '../tensor-chunks.ts';
import type { Arrangements } from './batch-dependence.ts';
import { ROUNDING_SHARE } from './row-difference.ts';

const MAX_TENSORS_PER_RUN = 32;

/** What other neighbours change in a tensor. */
interface TensorChange {
  readonly isChanged: boolean;
  /** Whether a value depends on testcases at even places and on some at odd ones. */
  readonly isMixed: boolean;
  /** Whether a dimension may hold the testcases. */
  readonly mayHaveRows: boolean;
}

/**
 * The first operation, in topological order, whose result mixes testcases of a batch: one of its values changes both where those
 * at odd places are replaced and where those at even places are. Which dimension of the tensor holds the batch need not be known
 * for that. Undefined if there is none, or tensors cannot be watched.
 *
 * @param feeds of the runs that are compared
 * @param rows testcases of each run
 * @param beat called between runs
 */
export async function findMixingOperation(
  model: Pick<Model, 'graph' | 'watchable' | 'run'>,
  feeds: Arrangements<readonly Tensor[]>,
  rows: number,
  beat: () => void = () => {},
): Promise<GraphNode | undefined> {
  const producers = producersByTensor(model.graph);
  const changes = new Map<string, TensorChange>();
  const chunk = new ChunkSize(MAX_TENSORS_PER_RUN);
  for (let from = 0; from < model.watchable.length; ) {
    const names = model.watchable.slice(from, from + chunk.tensors);
    const mixed = (await model.run(feeds.mixed, names)).activations;
    const evenKept = (await model.run(feeds.evenKept, names)).activations;
    const oddKept = (await model.run(feeds.oddKept, names)).activations;
    for (const [i, name] of names.entries()) {
      const change = changeOf(mixed[i], evenKept[i], oddKept[i], rows);
      changes.set(name, change);
      const node = producers.get(name);
      if (change.isMixed && node !== undefined) return beforeRows(node, producers, changes);
    }
    from += names.length;
    const bytes = [...mixed, ...evenKept, ...oddKept].reduce((sum, { data }) => sum + data.byteLength, 0);
    chunk.adapt(bytes, names.length);
    beat();
  }
  return undefined;
}

function changeOf(
  mixed: NamedTensor,
  evenKept: NamedTensor,
  oddKept: NamedTensor,
  rows: number,
): TensorChange {
  const mayHaveRows = mixed.shape.some((size) => size > 0 && size % rows === 0);
  const { length } = mixed.data;
  // A tensor whose shape follows from the values has no places that could be compared.
  if (evenKept.data.length !== length || oddKept.data.length !== length)
    return { isChanged: true, isMixed: false, mayHaveRows };
  const tolerance = toleranceOf(mixed);
  let isChanged = false;
  let isMixed = false;
  for (let i = 0; i < length && !isMixed; i++) {
    const dependsOnOdd = differsAt(mixed, evenKept, i, tolerance);
    const dependsOnEven = differsAt(mixed, oddKept, i, tolerance);
    isChanged ||= dependsOnOdd || dependsOnEven;
    isMixed = dependsOnOdd && dependsOnEven;
  }
  return { isChanged, isMixed, mayHaveRows };
}

/** Largest difference of a tensor's values that is rounding; 0 for whole numbers. */
function toleranceOf({ type, data }: NamedTensor): number {
  if (DTYPES[type].kind !== 'float') return 0;
  let largest = 0;
  for (let i = 0; i < data.length; i++) {
    const magnitude = Math.abs(readNumber(type, data, i));
    if (Number.isFinite(magnitude)) largest = Math.max(largest, magnitude);
  }
  return ROUNDING_SHARE * largest;
}

function differsAt(a: NamedTensor, b: NamedTensor, index: number, tolerance: number): boolean {
  const [x, y] = [readNumber(a.type, a.data, index), readNumber(b.type, b.data, index)];
  return !(Object.is(x, y) || x === y || Math.abs(x - y) <= tolerance);
}

/**
 * The operation before one that mixes testcases whose result is of the whole batch already: each value of a maximum comes from one
 * testcase, so that it is its reader in which two meet.
 */
function beforeRows(
  node: GraphNode,
  producers: ReadonlyMap<string, GraphNode>,
  changes: ReadonlyMap<string, TensorChange>,
): GraphNode {
  for (const name of node.inputs) {
    const change = changes.get(name);
    const producer = producers.get(name);
    if (producer !== undefined && change?.isChanged === true && !change.mayHaveRows)
      return beforeRows(producer, producers, changes);
  }
  return node;
}
