import { drawNormal, type Random, randomStream, shuffle } from '../../core/random.ts';
import { cloneData, DTYPES, makeData, readNumber, type Tensor, writeNumber } from '../../tensor/tensor.ts';

/** How weights are randomised: their own values in another order, or draws with their mean and deviation. */
export const RANDOMISATIONS = ['permute', 'normal'] as const;
export type Randomisation = (typeof RANDOMISATIONS)[number];

/** Which draws a copy of the model has. Plain data, sent between processes. */
export interface WeightDraws {
  readonly kind: Randomisation;
  /** Master seed. */
  readonly seed: string;
  /** Number of the draw. */
  readonly repeat: number;
}

/** The stream of a constant: it depends on no other constant, so that a layer is the same in all copies of a draw. */
export function weightStream({ seed, kind, repeat }: WeightDraws, constant: string): Random {
  return randomStream(seed, 'randomise-weights', kind, constant, repeat);
}

/** Other values for a constant, of its type and shape. */
export function drawWeights({ type, shape, data }: Tensor, kind: Randomisation, random: Random): Tensor {
  if (kind === 'permute') {
    const permuted = shuffle(cloneData(data), random);
    return { type, shape, data: permuted };
  }
  const values = Float64Array.from({ length: data.length }, (_, i) => readNumber(type, data, i));
  const { mean, deviation } = momentsOf(values);
  const drawn = makeData(type, data.length);
  for (let i = 0; i < drawn.length; i++) writeNumber(type, drawn, i, mean + deviation * drawNormal(random));
  return { type, shape, data: drawn };
}

/** Mean and standard deviation of the finite values; 0 where there are none. */
function momentsOf(values: Float64Array): { readonly mean: number; readonly deviation: number } {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return { mean: 0, deviation: 0 };
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / finite.length) };
}

/** Whether weights of a type can be drawn again. */
export function canDraw(type: Tensor['type']): boolean {
  return DTYPES[type].kind !== 'bool';
}
