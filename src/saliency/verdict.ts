import { METRICS, type Metric, type Similarity } from './metrics.ts';

/** In which order layers are randomised: each step one more, from the last or the first one on; or each by itself. */
export const ORDERS = ['cascade', 'independent', 'bottom-up'] as const;
export type Order = (typeof ORDERS)[number];

/** The layers that are randomised in each step. */
export function stepsOf<T>(layers: readonly T[], order: Order): (readonly T[])[] {
  const ordered = order === 'bottom-up' ? layers : [...layers].reverse();
  return ordered.map((layer, i) => (order === 'independent' ? [layer] : ordered.slice(0, i + 1)));
}

/** Number of layers in the half that comes first in the order; the middle one counts. */
export function halfOf(layers: readonly unknown[]): number {
  return Math.ceil(layers.length / 2);
}

/** Mean, standard deviation and least value of a metric. */
export interface Figures {
  readonly mean: number;
  readonly sd: number;
  readonly min: number;
}

/** Figures of each metric; null for SSIM where the maps are no pictures. */
export type StepFigures = Readonly<Record<Metric, Figures | null>>;

/** Figures over inputs and draws. */
export function figuresOf(similarities: readonly Similarity[]): StepFigures {
  const of = (metric: Metric): Figures | null => {
    const values = similarities
      .map((similarity) => similarity[metric])
      .filter((value) => value !== undefined);
    if (values.length === 0) return null;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { mean, sd: Math.sqrt(squares / values.length), min: Math.min(...values) };
  };
  const [signed, abs, ssim] = METRICS.map(of);
  return { signed, abs, ssim };
}

export const VERDICTS = ['depends on the model', 'depends on the picture', 'undecided'] as const;
export type Verdict = (typeof VERDICTS)[number];

/**
 * Whether maps follow the model: by the similarities that are left once the half of the layers that comes first in the order is
 * randomised; of layers that are randomised one by one, by all steps of that half.
 *
 * @param judged of the metric that judges
 * @param most similarity that is accepted
 */
export function verdictOf({ mean, sd }: Figures, most: number): Verdict {
  if (Math.abs(mean - most) < sd) return 'undecided';
  return mean > most ? 'depends on the picture' : 'depends on the model';
}
