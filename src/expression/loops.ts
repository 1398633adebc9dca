type FloatArray = Float32Array | Float64Array;

/** Applies a function to each of the first `count` values. */
type ElementwiseLoop = (values: FloatArray, out: Float64Array, count: number) => void;

function makeElementwise(apply: (value: number) => number): ElementwiseLoop {
  return (values, out, count) => {
    for (let i = 0; i < count; i++) out[i] = apply(values[i]);
  };
}

/** Elementwise functions by name; NaN propagates. */
export const FUNCTION_LOOPS: ReadonlyMap<string, ElementwiseLoop> = new Map<string, ElementwiseLoop>([
  [
    'abs',
    (values, out, count) => {
      for (let i = 0; i < count; i++) out[i] = Math.abs(values[i]);
    },
  ],
  ['sqrt', makeElementwise(Math.sqrt)],
  ['exp', makeElementwise(Math.exp)],
  ['log', makeElementwise(Math.log)],
  ['log2', makeElementwise(Math.log2)],
  ['log10', makeElementwise(Math.log10)],
  ['sin', makeElementwise(Math.sin)],
  ['cos', makeElementwise(Math.cos)],
  ['tan', makeElementwise(Math.tan)],
  ['tanh', makeElementwise(Math.tanh)],
  ['sigmoid', makeElementwise((value) => 1 / (1 + Math.exp(-value)))],
  ['floor', makeElementwise(Math.floor)],
  ['ceil', makeElementwise(Math.ceil)],
  ['round', makeElementwise(Math.round)],
  ['sign', makeElementwise(Math.sign)],
]);

/** Reduces the `size` values from `from` on to one number. */
type Reduction = (values: FloatArray, from: number, size: number) => number;

const sum: Reduction = (values, from, size) => {
  // Four accumulators, so that additions don't wait for each other.
  let [a, b, c, d] = [0, 0, 0, 0];
  const to = from + size;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    a += values[i];
    b += values[i + 1];
    c += values[i + 2];
    d += values[i + 3];
  }
  for (; i < to; i++) a += values[i];
  return a + b + (c + d);
};

function makeExtreme(sign: 1 | -1): Reduction {
  return (values, from, size) => {
    let best = Number.NEGATIVE_INFINITY;
    for (let i = from; i < from + size; i++) {
      const value = sign * values[i];
      if (value <= best) continue;
      if (Number.isNaN(value)) return Number.NaN;
      best = value;
    }
    return sign * best;
  };
}

function makeArgExtreme(sign: 1 | -1): Reduction {
  return (values, from, size) => {
    let best = 0;
    for (let i = 0; i < size; i++) {
      if (Number.isNaN(values[from + i])) return Number.NaN;
      if (sign * values[from + i] > sign * values[from + best]) best = i;
    }
    return best;
  };
}

/** Reductions of a row by name; NaN propagates. */
export const REDUCTIONS: ReadonlyMap<string, Reduction> = new Map<string, Reduction>([
  ['sum', sum],
  ['mean', (values, from, size) => sum(values, from, size) / size],
  [
    'std',
    (values, from, size) => {
      const mean = sum(values, from, size) / size;
      let squares = 0;
      for (let i = from; i < from + size; i++) squares += (values[i] - mean) ** 2;
      return Math.sqrt(squares / size);
    },
  ],
  [
    'norm',
    (values, from, size) => {
      let squares = 0;
      for (let i = from; i < from + size; i++) squares += values[i] * values[i];
      return Math.sqrt(squares);
    },
  ],
  ['max', makeExtreme(1)],
  ['min', makeExtreme(-1)],
  [
    'max-abs',
    (values, from, size) => {
      let best = 0;
      for (let i = from; i < from + size; i++) {
        const value = Math.abs(values[i]);
        if (value <= best) continue;
        if (Number.isNaN(value)) return Number.NaN;
        best = value;
      }
      return best;
    },
  ],
  ['argmax', makeArgExtreme(1)],
  ['argmin', makeArgExtreme(-1)],
]);

/** Softmax over each group of `length` values. */
export function softmax(values: FloatArray, out: Float64Array, count: number, length: number): void {
  for (let from = 0; from < count; from += length) {
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = from; i < from + length; i++) greatest = Math.max(greatest, values[i]);
    let total = 0;
    for (let i = from; i < from + length; i++) {
      out[i] = Math.exp(values[i] - greatest);
      total += out[i];
    }
    for (let i = from; i < from + length; i++) out[i] /= total;
  }
}
