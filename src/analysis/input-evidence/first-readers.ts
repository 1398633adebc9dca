import type { InputEvidence } from '../../model/input-evidence.ts';
import type { Model } from '../../model/model.ts';
import { readNumber, sizeOf } from '../../tensor/tensor.ts';
import { firstReaders, operationText, type PlacedNode } from './graph-flow.ts';

/** Recurrent operations of ONNX, with the positions of their initial states among their inputs. */
const RECURRENT_OPS: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN']);
const INITIAL_STATE_POSITIONS: ReadonlySet<number> = new Set([5, 6]);

const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv', 'Conv1D', 'FusedConv']);
const FOURIER_OPS: ReadonlySet<string> = new Set(['STFT', 'DFT', 'RFFT']);

/** Operations that pass a scalar on to a comparison. */
const SCALAR_OPS: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Gather',
]);

type Readers = ReadonlyMap<string, readonly PlacedNode[]>;

/** The recurrent operation whose initial state an input is. */
export function findStateReader(readers: Readers, input: string): string | undefined {
  for (const { node, position } of firstReaders(readers, input))
    if (RECURRENT_OPS.has(node.op) && INITIAL_STATE_POSITIONS.has(position)) return operationText(node);
  return undefined;
}

/** Whether what reads an input first takes it for a signal of one channel, or for steps of feature vectors. */
export function findReading(
  { graph }: Pick<Model, 'graph'>,
  readers: Readers,
  input: string,
): InputEvidence['readAs'] {
  for (const { node, graph: body, position } of firstReaders(readers, input)) {
    const by = operationText(node);
    if (FOURIER_OPS.has(node.op) && position === 0) return { kind: 'signal', by };
    if (RECURRENT_OPS.has(node.op) && position === 0) return { kind: 'steps', by };
    if (!CONVOLUTIONS.has(node.op) || position !== 0) continue;
    const weights = body.constants.get(node.inputs[1]) ?? graph.constants.get(node.inputs[1]);
    // ONNX has [out, in, length] for a convolution along one dimension.
    if (weights?.length === 3) return { kind: weights[1] === 1 ? 'signal' : 'steps', by };
  }
  return undefined;
}

/** The constants that an input of one value is tested for equality with. */
export function findComparedConstants(
  model: Pick<Model, 'graph' | 'constant'>,
  readers: Readers,
  input: string,
): number[] {
  const constants = new Set<number>();
  for (const { node, graph, position } of firstReaders(readers, input, SCALAR_OPS)) {
    if (node.op !== 'Equal') continue;
    const other = node.inputs[1 - position] ?? '';
    for (const value of constantValues(model, graph, other) ?? []) constants.add(value);
  }
  return [...constants];
}

/** Values of a constant, which a body's graph or the model holds; undefined where it is none, or has more than `limit`. */
export function constantValues(
  model: Pick<Model, 'graph' | 'constant'>,
  graph: PlacedNode['graph'],
  name: string,
  limit = 4096,
): readonly number[] | undefined {
  const kept = graph.values.get(name) ?? model.graph.values.get(name);
  if (kept !== undefined) return kept;
  const shape = model.graph.constants.get(name);
  if (shape === undefined || sizeOf(shape) > limit) return undefined;
  const tensor = model.constant(name);
  return (
    tensor && Array.from({ length: tensor.data.length }, (_, i) => readNumber(tensor.type, tensor.data, i))
  );
}
