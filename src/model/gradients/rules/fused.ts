import {
  type Differentiation,
  floatOf,
  integerOf,
  type Rule,
  textOf,
  upstreamOf,
  withUpstream,
} from '../rule.ts';
import { axesFrom, type Value } from '../tensor-writer.ts';
import { conv } from './convolution.ts';
import { type Derivative, geluByTanh, geluExact } from './elementwise.ts';
import { normalizationGradient, normalize } from './normalization.ts';
import { gemm } from './products.ts';

/** Operations that ONNX Runtime's optimizer writes in place of several: each is differentiated as those are. */

/** A function of the sum of a tensor and a bias. */
function biased(derivative: Derivative): Rule {
  return (at) => {
    const { writer: w } = at;
    const x = at.hasInput(1) ? w.add(at.operand(0), at.operand(1)) : at.operand(0);
    const slope = derivative(
      w,
      () => x,
      () => at.result(0),
      at,
    );
    const g = w.mul(upstreamOf(at), slope);
    return [0, 1].map((i) => (at.wants(i) ? w.reduceTo(g, at.inputShape(i)) : undefined));
  };
}

/** The gradient before an activation, from its result: the functions that are fused are monotonic or bend at 0. */
function beforeActivation(
  at: Differentiation,
  name: string,
  parameters: readonly number[],
): Value | undefined {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const y = at.result(0);
  switch (name) {
    case '':
      return g;
    case 'Relu':
      return w.mask(w.compare('Greater', y, w.scalar(0)), g);
    case 'LeakyRelu':
      return w.where(w.compare('Greater', y, w.scalar(0)), g, w.scale(g, parameters[0] ?? 0.01));
    case 'Sigmoid':
      return w.mul(g, w.mul(y, w.oneMinus(y)));
    case 'Tanh':
      return w.mul(g, w.oneMinus(w.mul(y, y)));
    case 'Clip': {
      const [low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY] = parameters;
      const inside = w.both(w.compare('Greater', y, w.scalar(low)), w.compare('Less', y, w.scalar(high)));
      return w.mask(inside, g);
    }
    case 'HardSigmoid': {
      const inside = w.both(w.compare('Greater', y, w.scalar(0)), w.compare('Less', y, w.scalar(1)));
      return w.mask(inside, w.scale(g, parameters[0] ?? 0.2));
    }
    default:
      return undefined;
  }
}

/** A convolution, to whose result a fourth operand may be added, and an activation. */
const fusedConv: Rule = (at) => {
  const parameters = at.node.attributes?.activation_params;
  const g = beforeActivation(at, textOf(at, 'activation', ''), Array.isArray(parameters) ? parameters : []);
  if (g === undefined) return undefined;
  const gradients = conv(withUpstream(at, g));
  return gradients && [gradients[0], gradients[1], gradients[2], at.wants(3) ? g : undefined];
};

const fusedGemm: Rule = (at) => {
  const parameters =
    at.node.attributes?.activation_alpha === undefined ? [] : [floatOf(at, 'activation_alpha', 0)];
  const g = beforeActivation(at, textOf(at, 'activation', ''), parameters);
  return g && gemm(withUpstream(at, g));
};

/** An operand of a product with its axes moved, and how a gradient at that goes back to the operand. */
interface Flipped {
  readonly value: Value;
  back(g: Value): Value;
}

/** `transBatch` moves the first axis behind the other batch axes; `trans` exchanges the last two then. */
function flipped(at: Differentiation, input: number, trans: string, transBatch: string): Flipped {
  const { writer: w } = at;
  const rank = at.inputShape(input).length;
  let perm = Array.from({ length: rank }, (_, i) => i);
  if (integerOf(at, transBatch, 0) !== 0) perm = [...perm.slice(1, -1), 0, rank - 1];
  if (integerOf(at, trans, 0) !== 0) perm = [...perm.slice(0, -2), perm[rank - 1], perm[rank - 2]];
  const value = w.transpose(at.operand(input), perm);
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  return { value, back: (g) => w.transpose(w.reduceTo(g, value.shape), inverse) };
}

/** α·A′·B′, A′ and B′ having their axes moved or not. */
const fusedMatMul: Rule = (at) => {
  if ([0, 1].some((input) => at.inputShape(input).length < 2)) return undefined;
  const { writer: w } = at;
  const g = w.scale(upstreamOf(at), floatOf(at, 'alpha', 1));
  const a = flipped(at, 0, 'transA', 'transBatchA');
  const b = flipped(at, 1, 'transB', 'transBatchB');
  return [
    at.wants(0) ? a.back(w.matmul(g, w.transposeMatrix(b.value))) : undefined,
    at.wants(1) ? b.back(w.matmul(w.transposeMatrix(a.value), g)) : undefined,
  ];
};

/**
 * The sum of input, skip and bias is normalized; the fourth output is the sum itself.
 *
 * @param bias number of the operand that is added
 * @param isCentred whether the mean is subtracted, or only the root mean square divided by
 */
function skipNormalization(bias: number, isCentred: boolean): Rule {
  return (at) => {
    if (at.upstream(1) !== undefined || at.upstream(2) !== undefined) return undefined;
    const { writer: w } = at;
    const terms = [0, 1, bias].filter((input) => at.hasInput(input));
    const x = w.sum(terms.map((input) => at.operand(input))) as Value;
    const axes = axesFrom(x.shape.length - 1, x.shape);
    const scaled = w.mul(upstreamOf(at), at.operand(2));
    const epsilon = floatOf(at, 'epsilon', isCentred ? 1e-12 : 1e-5);
    const normalized = normalizationGradient(w, scaled, normalize(w, x, axes, epsilon, isCentred), axes);
    const direct = at.upstream(3);
    const g = direct === undefined ? normalized : w.add(direct, normalized);
    const gradients: (Value | undefined)[] = [];
    for (const input of terms) if (at.wants(input)) gradients[input] = w.reduceTo(g, at.inputShape(input));
    return gradients;
  };
}

export const FUSED_RULES: Readonly<Record<string, Rule>> = {
  'com.microsoft.FastGelu': biased(geluByTanh),
  'com.microsoft.BiasGelu': biased(geluExact),
  'com.microsoft.FusedConv': fusedConv,
  'com.microsoft.FusedGemm': fusedGemm,
  'com.microsoft.FusedMatMul': fusedMatMul,
  'com.microsoft.SkipLayerNormalization': skipNormalization(4, true),
  'com.microsoft.SkipSimplifiedLayerNormalization': skipNormalization(3, false),
};
