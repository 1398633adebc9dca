import type { ModelFormat } from '../../model/model.ts';
import type { DType } from '../../tensor/tensor.ts';
import { anyIfNaN, type Interval, roundToType, smallestNormal } from '../numerical-sites/interval.ts';
import { EXACT_OPS, INTERVAL_RULES } from '../numerical-sites/interval-rules.ts';
import { broadcastIndices, broadcastShape, type ElementBounds, makeBounds } from './element-bounds.ts';
import type { NodeContext } from './node-context.ts';

/** Operations each element of whose result is computed from the elements of the operands that broadcast to its place. */
const ELEMENTWISE_OPS: ReadonlySet<string> = new Set(
  [
    'Relu LeakyRelu Relu6 Sigmoid Tanh Softplus Softsign HardSigmoid Elu Selu Gelu Swish Mish ThresholdedRelu PRelu',
    'Neg Square Reciprocal Inv Abs Tan Sqrt Exp Expm1 Log Log1p Floor Ceil Round Atan Sin Cos Sign Cosh Cast',
    'Clip ClipByValue Add AddV2 AddN Sum Sub Mul Div RealDiv Pow Max Maximum Min Minimum Mean Where SelectV2',
    'Equal NotEqual Less LessOrEqual LessEqual Greater GreaterOrEqual GreaterEqual And Or Xor Not IsNaN IsInf',
  ].flatMap((names) => names.split(' ')),
);

/** Names that ONNX and layers models have for combining several tensors, and TensorFlow for reducing one. */
const REDUCTION_NAMES: ReadonlySet<string> = new Set(['Sum', 'Mean', 'Max', 'Min']);

/** Whether an operation of a format is computed element by element. */
export function isElementwise({ op }: NodeContext['node'], format: ModelFormat): boolean {
  const isGraph = format === 'tfjs-graph' || format === 'saved-model';
  return ELEMENTWISE_OPS.has(op) && !(isGraph && REDUCTION_NAMES.has(op));
}

/** Whether operands are combined as they stand: layers models align axes of several lengths in a way of their own. */
function areAligned(operands: readonly ElementBounds[], format: ModelFormat): boolean {
  if (format !== 'tfjs-layers') return true;
  const shapes = operands.filter(({ low }) => low.length !== 1).map(({ shape }) => shape.join());
  return new Set(shapes).size <= 1;
}

/** Subnormal ends become zero where runtimes may flush operands. */
function flush(interval: { low: number; high: number }, normal: number): void {
  if (interval.low > 0 && interval.low < normal) interval.low = 0;
  if (interval.high < 0 && interval.high > -normal) interval.high = 0;
}

/**
 * Bounds of an elementwise operation's result, by the interval rule of the operation at each element.
 *
 * @param operands bounds of the inputs that are not omitted
 * @param type of the result
 */
export function evaluateElementwise(
  { node, format, constant, typeOf }: Pick<NodeContext, 'node' | 'format' | 'constant' | 'typeOf'>,
  operands: readonly ElementBounds[],
  type: DType,
): ElementBounds | undefined {
  const rule = INTERVAL_RULES[node.op];
  const shape = broadcastShape(operands);
  if (rule === undefined || shape === undefined || !areAligned(operands, format)) return undefined;
  const names = node.inputs.filter((name) => name !== '');
  const isExact = EXACT_OPS.has(node.op);
  const indices = operands.map((operand) => broadcastIndices(operand.shape, shape.shape));
  const bounds = makeBounds(shape);
  // The same objects for all elements: there may be a million.
  const inputIntervals = operands.map(() => ({ low: 0, high: 0 }));
  const normals = names.map((name) => smallestNormal(typeOf(name) ?? 'float32'));
  const byName = new Map<string, Interval>(names.map((name, i) => [name, inputIntervals[i]]));
  const unknown = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const input = {
    node,
    inputIntervals,
    intervalOf: (name: string): Interval => byName.get(name) ?? unknown,
    constant,
    isConstant: (name: string): boolean => constant(name) !== undefined,
  };
  for (let j = 0; j < bounds.low.length; j++) {
    for (let i = 0; i < operands.length; i++) {
      const at = indices[i][j];
      inputIntervals[i].low = operands[i].low[at];
      inputIntervals[i].high = operands[i].high[at];
      if (!isExact) flush(inputIntervals[i], normals[i]);
    }
    const { low, high } = roundToType(anyIfNaN(rule(input)), type, isExact);
    bounds.low[j] = low;
    bounds.high[j] = high;
  }
  return bounds;
}
