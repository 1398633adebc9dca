import * as tf from '@tensorflow/tfjs-core';

/** One run of a kernel that TensorFlow.js recorded (tfjs-core, tape.ts). */
interface TapeNode {
  /** The kernel, or the function of the library that has a gradient of its own. */
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  gradient?: (upstream: readonly (tf.Tensor | null)[]) => Readonly<Record<string, () => tf.Tensor>>;
  readonly saved?: readonly tf.Tensor[];
}

/** The part of the engine's state that holds the tape, which its types leave out. */
interface TapeState {
  activeTape: TapeNode[] | null;
}

/** Kernels whose results are steps of their operands, or depend on shapes alone: their gradient is 0 by definition. */
const FLAT_KERNELS: ReadonlySet<string> = new Set([
  ...['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual', 'All', 'Any'],
  ...['LogicalAnd', 'LogicalOr', 'LogicalNot', 'LogicalXor', 'BitwiseAnd', 'ArgMax', 'ArgMin'],
  ...[
    'IsNan',
    'IsInf',
    'IsFinite',
    'Sign',
    'Step',
    'OneHot',
    'ZerosLike',
    'OnesLike',
    'FloorDiv',
    'Range',
    'Fill',
  ],
  ...['Multinomial', 'NonMaxSuppressionV3', 'NonMaxSuppressionV4', 'NonMaxSuppressionV5', 'SearchSorted'],
]);

/** Kernels that round. */
const ROUNDING_KERNELS: ReadonlySet<string> = new Set(['Round', 'Floor', 'Ceil']);

/** What was recorded between the tensors. */
export interface TapeAccount {
  /** Kernels on the way that pass no gradient on and are no steps, each once, in the order in which they ran. */
  readonly stops: readonly string[];
  /** Kernels that have a gradient, and all on the way. */
  readonly differentiated: number;
  readonly onPath: number;
  /** Whether the gradient of a convolution's filter is asked for, because it is computed from what is differentiated by. */
  readonly needsFilterGradients: boolean;
}

/** Gradients, and how they came about. */
export interface TapedGradients extends TapeAccount {
  readonly value: tf.Tensor;
  /** Of each operand; undefined where no way leads to it. */
  readonly gradients: readonly (tf.Tensor | undefined)[];
}

export interface TapeOptions {
  /** Whether rounding counts as the identity and not as a step, whose gradient is 0. */
  readonly straightThrough: boolean;
  /** Whether each Relu passes on only what is positive; absent for false. */
  readonly guided?: boolean;
  /** Called between the forward and the backward run. */
  readonly onForward?: (account: TapeAccount) => void;
}

/**
 * Differentiates a computation as `tf.grads` does, except that what has no gradient ends its way instead of the run. To be
 * called within `tf.tidy`.
 *
 * @param upstream in the shape of the result; ones if undefined
 * @throws Error if the runtime fails, or the result is of another type than float32
 */
export function differentiate(
  compute: () => tf.Tensor,
  operands: readonly tf.Tensor[],
  upstream: tf.Tensor | undefined,
  { straightThrough, guided = false, onForward }: TapeOptions,
): TapedGradients {
  const engine = tf.engine();
  const state = engine.state as unknown as TapeState;
  let account: TapeAccount | undefined;
  const forward = (): tf.Tensor => {
    const value = guided ? guideRectifiers(state, compute) : compute();
    if (value.dtype !== 'float32') throw new Error(`a tensor of ${value.dtype} has no gradient`);
    account = prepareTape(state, operands, value, straightThrough);
    onForward?.(account);
    return value;
  };
  try {
    const { value, grads } = engine.gradients(forward, [...operands], upstream, true);
    if (account === undefined) throw new Error('nothing was recorded');
    return { ...account, value, gradients: grads as readonly (tf.Tensor | undefined)[] };
  } catch (error) {
    // The engine keeps what it recorded until the next run.
    for (const { saved = [] } of state.activeTape ?? []) tf.dispose([...saved]);
    state.activeTape = null;
    throw error;
  }
}

/** Activations that are 0 below 0 and the identity above it, maybe up to a limit. */
const RECTIFIERS: ReadonlySet<unknown> = new Set(['relu', 'relu6']);

/**
 * Runs a computation and has the rectifiers on the tape pass on only what is positive. An activation that is fused with a kernel is
 * known to that kernel alone, whose run is looked at.
 */
function guideRectifiers(state: TapeState, compute: () => tf.Tensor): tf.Tensor {
  const engine = tf.engine();
  const rectified = new Set<number>();
  const { runKernel } = engine;
  engine.runKernel = function run<T>(
    name: string,
    inputs: tf.NamedTensorMap,
    attributes?: tf.NamedAttrMap,
  ): T {
    const result = runKernel.call(engine, name, inputs, attributes);
    if (name === 'Relu' || name === 'Relu6' || RECTIFIERS.has(attributes?.activation))
      for (const { id } of [result].flat() as tf.Tensor[]) rectified.add(id);
    return result as T;
  } as typeof engine.runKernel;
  try {
    const value = compute();
    for (const node of state.activeTape ?? []) {
      const { gradient } = node;
      if (gradient === undefined || !node.outputs.some(({ id }) => rectified.has(id))) continue;
      node.gradient = (upstream) => gradient(upstream.map((dy) => (dy === null ? dy : tf.relu(dy))));
    }
    return value;
  } finally {
    engine.runKernel = runKernel;
  }
}

/** Takes what has no gradient off the tape, so that no way leads through it. */
function prepareTape(
  state: TapeState,
  operands: readonly tf.Tensor[],
  value: tf.Tensor,
  straightThrough: boolean,
): TapeAccount {
  const tape = state.activeTape ?? [];
  const onPath = nodesBetween(tape, operands, value);
  const stops = new Set<string>();
  const removed = new Set<TapeNode>();
  for (const node of onPath) {
    if (straightThrough && ROUNDING_KERNELS.has(node.kernelName)) {
      node.gradient = ([dy]) => ({ x: () => (dy ?? tf.zerosLike(node.outputs[0])).clone() });
      continue;
    }
    const isStep = FLAT_KERNELS.has(node.kernelName) || (isRounding(node) && !straightThrough);
    if (!isStep && node.gradient !== undefined) continue;
    removed.add(node);
    if (!FLAT_KERNELS.has(node.kernelName)) stops.add(node.kernelName);
  }
  for (const { saved = [] } of removed) tf.dispose([...saved]);
  state.activeTape = tape.filter((node) => !removed.has(node));
  const left = nodesBetween(state.activeTape, operands, value);
  const reached = new Set([...operands, ...left.flatMap(({ outputs }) => outputs)].map(({ id }) => id));
  return {
    stops: [...stops],
    differentiated: onPath.length - removed.size,
    onPath: onPath.length,
    needsFilterGradients: left.some(({ inputs }) => {
      // Functions with a gradient of their own have numbered operands.
      const filter = inputs.filter ?? inputs[1];
      return filter?.rank === 4 && reached.has(filter.id);
    }),
  };
}

/** Rounding, also by a conversion of floats to integers. */
function isRounding({ kernelName, inputs, outputs }: TapeNode): boolean {
  if (kernelName === 'Cast') return inputs.x.dtype === 'float32' && outputs[0].dtype !== 'float32';
  return ROUNDING_KERNELS.has(kernelName);
}

function nodesBetween(
  tape: readonly TapeNode[],
  operands: readonly tf.Tensor[],
  value: tf.Tensor,
): TapeNode[] {
  const dependent = new Set(operands.map(({ id }) => id));
  const forward = tape.filter(({ inputs, outputs }) => {
    if (!Object.values(inputs).some(({ id }) => dependent.has(id))) return false;
    for (const { id } of outputs) dependent.add(id);
    return true;
  });
  const needed = new Set([value.id]);
  const between = [...forward].reverse().filter(({ inputs, outputs }) => {
    if (!outputs.some(({ id }) => needed.has(id))) return false;
    for (const { id } of Object.values(inputs)) needed.add(id);
    return true;
  });
  return between.reverse();
}
