import { type Differentiation, floatOf, integerOf, listOf, type Rule, upstreamOf } from '../rule.ts';
import type { TensorWriter, Value } from '../tensor-writer.ts';

/** Scaled dot-product attention: softmax(scale·Q·Kᵀ + mask)·V, each `[batch, heads, length, size]`. */
interface Heads {
  readonly q: Value;
  /** With as many heads, or with a divisor of their number: each is shared by neighbouring heads of Q then. */
  readonly k: Value;
  readonly v: Value;
  readonly scale: number;
  /** Added to the products, broadcast to `[batch, heads, length of Q, length of K]`. */
  readonly mask: Value | undefined;
}

/** Added where a position may not be attended to: far below any product, and finite, since infinity less itself is NaN. */
const MASKED = -1e30;

/**
 * Gradients of Q, K and V. The weights P are computed again: dV = Pᵀ·g, dS = P·(dP − Σ P·dP) with dP = g·Vᵀ, dQ = scale·dS·K,
 * dK = scale·dSᵀ·Q (Vaswani et al. 2017, with the derivative of softmax).
 */
function attentionGradients(
  w: TensorWriter,
  { q, k, v, scale, mask }: Heads,
  g: Value,
): { readonly q: Value; readonly k: Value; readonly v: Value } {
  const repeats = q.shape[1] / k.shape[1];
  const [keys, values] = [k, v].map((x) => repeatHeads(w, x, repeats));
  let scores = w.scale(w.matmul(q, w.transposeMatrix(keys)), scale);
  if (mask !== undefined) scores = w.add(scores, mask);
  const p = w.node('Softmax', [scores], scores.shape, { axis: -1 });
  const gP = w.matmul(g, w.transposeMatrix(values));
  const gScores = w.scale(w.mul(p, w.sub(gP, w.reduceSum(w.mul(gP, p), [3]))), scale);
  return {
    q: w.matmul(gScores, keys),
    k: sumHeads(w, w.matmul(w.transposeMatrix(gScores), q), repeats),
    v: sumHeads(w, w.matmul(w.transposeMatrix(p), g), repeats),
  };
}

function repeatHeads(w: TensorWriter, x: Value, repeats: number): Value {
  if (repeats === 1) return x;
  const [batch, heads, length, size] = x.shape;
  const spread = w.expand(w.reshape(x, [batch, heads, 1, length, size]), [
    batch,
    heads,
    repeats,
    length,
    size,
  ]);
  return w.reshape(spread, [batch, heads * repeats, length, size]);
}

function sumHeads(w: TensorWriter, x: Value, repeats: number): Value {
  if (repeats === 1) return x;
  const [batch, heads, length, size] = x.shape;
  const summed = w.reduceSum(w.reshape(x, [batch, heads / repeats, repeats, length, size]), [2]);
  return w.reshape(summed, [batch, heads / repeats, length, size]);
}

/** `[batch, length, heads·size]` as `[batch, heads, length, size]`. */
function splitHeads(w: TensorWriter, x: Value, heads: number): Value {
  const [batch, length, width] = x.shape;
  return w.transpose(w.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

function joinHeads(w: TensorWriter, x: Value): Value {
  const [batch, heads, length, size] = x.shape;
  return w.reshape(w.transpose(x, [0, 2, 1, 3]), [batch, length, heads * size]);
}

/** A constant mask `[queries, keys]` that lets each position see itself and those before it. */
function causalMask(w: TensorWriter, queries: number, keys: number): Value {
  const data = new Float32Array(queries * keys);
  for (let i = 0; i < queries; i++) data.fill(MASKED, i * keys + Math.min(keys, i + 1), (i + 1) * keys);
  return w.floats(data, [queries, keys]);
}

function addMasks(w: TensorWriter, masks: readonly (Value | undefined)[]): Value | undefined {
  return w.sum(masks.filter((mask) => mask !== undefined));
}

/** The operator of version 23 of the default domain, without states of earlier calls. */
const attention: Rule = (at) => {
  if ([1, 2, 3].some((output) => at.upstream(output) !== undefined) || at.wants(3)) return undefined;
  if ([4, 5, 6].some((input) => at.hasInput(input)) || floatOf(at, 'softcap', 0) !== 0) return undefined;
  const { writer: w } = at;
  const is3d = at.inputShape(0).length === 3;
  const heads = [integerOf(at, 'q_num_heads', 0), integerOf(at, 'kv_num_heads', 0)];
  const [q, k, v] = [0, 1, 2].map((i) =>
    is3d ? splitHeads(w, at.operand(i), heads[Math.min(i, 1)]) : at.operand(i),
  );
  const [queries, keys] = [q.shape[2], k.shape[2]];
  const masks = [
    integerOf(at, 'is_causal', 0) === 0 ? undefined : causalMask(w, queries, keys),
    at.hasInput(3) ? additiveMask(at, 3) : undefined,
  ];
  const scale = floatOf(at, 'scale', 1 / Math.sqrt(q.shape[3]));
  const g = is3d ? splitHeads(w, upstreamOf(at), heads[0]) : upstreamOf(at);
  const gradients = attentionGradients(w, { q, k, v, scale, mask: addMasks(w, masks) }, g);
  return [gradients.q, gradients.k, gradients.v].map((x, i) =>
    at.wants(i) ? (is3d ? joinHeads(w, x) : x) : undefined,
  );
};

/** A mask of numbers to add, or of booleans, true where a position may be attended to. */
function additiveMask(at: Differentiation, input: number): Value {
  const { writer: w } = at;
  if (!at.isBoolean(input)) return at.operand(input);
  return w.where(at.plainOperand(input), w.scalar(0), w.scalar(MASKED));
}

/** A mask of integers `[batch, keys]`, 0 where a position may not be attended to, as `[batch, 1, 1, keys]`. */
function paddingMask(at: Differentiation, input: number): Value | undefined {
  const { writer: w } = at;
  const shape = at.inputShape(input);
  if (shape.length !== 2) return undefined;
  const kept = w.compare('Greater', w.reshape(at.operand(input), [shape[0], 1, 1, shape[1]]), w.scalar(0));
  return w.where(kept, w.scalar(0), w.scalar(floatOf(at, 'mask_filter_value', -1e4)));
}

/** ONNX Runtime's fused self-attention: Q, K and V are one product of the input with the weights. */
const selfAttention: Rule = (at) => {
  const used = [4, 6, 7].some((input) => at.hasInput(input)) || at.upstream(1) !== undefined;
  if (used || at.wants(1) || at.wants(2) || integerOf(at, 'do_rotary', 0) !== 0) return undefined;
  const { writer: w } = at;
  const heads = integerOf(at, 'num_heads', 1);
  const x = at.operand(0);
  const weights = at.operand(1);
  const width = weights.shape[1];
  const sizes = listOf(at, 'qkv_hidden_sizes') ?? [width / 3, width / 3, width / 3];
  const product = w.matmul(x, weights);
  const all = at.hasInput(2) ? w.add(product, at.operand(2)) : product;
  let start = 0;
  const [q, k, v] = sizes.map((size) => {
    const part = w.slice(all, 2, start, start + size);
    start += size;
    return splitHeads(w, part, heads);
  });
  const padding = at.hasInput(3) ? paddingMask(at, 3) : undefined;
  if (at.hasInput(3) && padding === undefined) return undefined;
  const length = x.shape[1];
  const masks = [
    padding,
    integerOf(at, 'unidirectional', 0) === 0 ? undefined : causalMask(w, length, length),
    at.hasInput(5) ? at.operand(5) : undefined,
  ];
  const scale = floatOf(at, 'scale', 0) || 1 / Math.sqrt(q.shape[3]);
  const g = splitHeads(w, upstreamOf(at), heads);
  const gradients = attentionGradients(w, { q, k, v, scale, mask: addMasks(w, masks) }, g);
  const joined = w.concat(
    [gradients.q, gradients.k, gradients.v].map((part) => joinHeads(w, part)),
    2,
  );
  return [w.matmul(joined, w.transposeMatrix(weights))];
};

/** ONNX Runtime's attention of Q, K and V that are computed before, `[batch, length, heads·size]` each. */
const multiHeadAttention: Rule = (at) => {
  if ([1, 2].some((i) => !at.hasInput(i)) || [6, 7, 8, 9].some((i) => at.hasInput(i))) return undefined;
  if ([0, 1, 2].some((i) => at.inputShape(i).length !== 3)) return undefined;
  const { writer: w } = at;
  const heads = integerOf(at, 'num_heads', 1);
  const bias = at.hasInput(3) ? at.operand(3) : undefined;
  let start = 0;
  const [q, k, v] = [0, 1, 2].map((i) => {
    const x = at.operand(i);
    const size = x.shape[2];
    const part = bias && w.slice(bias, 0, start, start + size);
    start += size;
    return splitHeads(w, part === undefined ? x : w.add(x, part), heads);
  });
  const padding = at.hasInput(4) ? paddingMask(at, 4) : undefined;
  if (at.hasInput(4) && padding === undefined) return undefined;
  const masks = [
    padding,
    integerOf(at, 'unidirectional', 0) === 0 ? undefined : causalMask(w, q.shape[2], k.shape[2]),
    at.hasInput(5) ? at.operand(5) : undefined,
  ];
  const scale = floatOf(at, 'scale', 0) || 1 / Math.sqrt(q.shape[3]);
  const g = splitHeads(w, upstreamOf(at), heads);
  const gradients = attentionGradients(w, { q, k, v, scale, mask: addMasks(w, masks) }, g);
  return [gradients.q, gradients.k, gradients.v].map((x, i) => (at.wants(i) ? joinHeads(w, x) : undefined));
};

/**
 * Rotary positions (Su et al. 2021) rotate pairs of values by an angle of their position; the gradient is rotated back.
 *
 * @param caches numbers of the operands of cosines and sines
 * @param positions that of the positions
 */
function rotary([cosines, sines]: readonly [number, number], positions: number): Rule {
  return (at) => {
    const { writer: w } = at;
    const shape = at.inputShape(0);
    const cacheShape = at.inputShape(cosines);
    const half = cacheShape[cacheShape.length - 1];
    const is3d = shape.length === 3;
    const heads = integerOf(at, 'num_heads', 0) || (is3d ? shape[2] / (2 * half) : shape[1]);
    const g = is3d ? splitHeads(w, upstreamOf(at), heads) : upstreamOf(at);
    const [batch, , length, size] = g.shape;
    const angleOf = (input: number): Value | undefined => {
      const cache = at.operand(input);
      if (!at.hasInput(positions)) return cache.shape.length === 3 ? withHeadAxis(w, cache) : undefined;
      const ids = at.indices(positions);
      // A single number is the position of the first value.
      if (ids.shape.length < 2 && !(ids.shape.length === 1 && length === 1)) return undefined;
      const gathered = w.node('Gather', [cache, w.reshape(ids, [batch, length])], [batch, length, half]);
      return withHeadAxis(w, gathered);
    };
    const [cos, sin] = [angleOf(cosines), angleOf(sines)];
    if (cos === undefined || sin === undefined) return undefined;
    const rotated = w.slice(g, 3, 0, 2 * half);
    const isInterleaved = integerOf(at, 'interleaved', 0) !== 0;
    const [first, second] = pairsOf(w, rotated, half, isInterleaved);
    const a = w.add(w.mul(first, cos), w.mul(second, sin));
    const b = w.sub(w.mul(second, cos), w.mul(first, sin));
    const back = joinPairs(w, a, b, isInterleaved);
    const whole = size === 2 * half ? back : w.concat([back, w.slice(g, 3, 2 * half, size)], 3);
    return [is3d ? joinHeads(w, whole) : whole];
  };
}

function withHeadAxis(w: TensorWriter, x: Value): Value {
  return w.reshape(x, [x.shape[0], 1, ...x.shape.slice(1)]);
}

/** The first and the second values of all pairs, which are neighbours or lie half the size apart. */
function pairsOf(w: TensorWriter, x: Value, half: number, isInterleaved: boolean): readonly [Value, Value] {
  if (!isInterleaved) return [w.slice(x, 3, 0, half), w.slice(x, 3, half, 2 * half)];
  const pairs = w.reshape(x, [...x.shape.slice(0, 3), half, 2]);
  const pick = (i: number): Value => w.reshape(w.slice(pairs, 4, i, i + 1), [...x.shape.slice(0, 3), half]);
  return [pick(0), pick(1)];
}

function joinPairs(w: TensorWriter, a: Value, b: Value, isInterleaved: boolean): Value {
  if (!isInterleaved) return w.concat([a, b], 3);
  const [first, second] = [a, b].map((x) => w.reshape(x, [...x.shape, 1]));
  return w.reshape(w.concat([first, second], 4), [...a.shape.slice(0, 3), 2 * a.shape[3]]);
}

export const ATTENTION_RULES: Readonly<Record<string, Rule>> = {
  Attention: attention,
  RotaryEmbedding: rotary([1, 2], 3),
  'com.microsoft.Attention': selfAttention,
  'com.microsoft.MultiHeadAttention': multiHeadAttention,
  'com.microsoft.RotaryEmbedding': rotary([2, 3], 1),
};
