import { formatNumber } from '../../core/format-number.ts';
import { mapOfValues } from '../map.ts';
import type { ExplainedInput, MethodContext, SaliencyMethod, ScoreOracle } from '../method.ts';
import { meanOf } from './smoothgrad.ts';
import { combine, spaceOf } from './space.ts';

/** Midpoints of the path; their number is doubled up to the largest while the gap is too large. */
const STEPS = 50;
const MAX_STEPS = 400;

/** Largest distance of the sum of a map from the difference of the scores, as a share of that. */
const MAX_GAP = 0.05;

/** (x − b)·mean of ∂z/∂x at midpoints of the way from b to x. */
export const integratedGradients: SaliencyMethod = {
  name: 'integrated-gradients',
  help: `mean gradient on the way from the baseline, ${STEPS} steps, times the distance from it`,
  source: 'Sundararajan, Taly & Yan 2017, arXiv 1703.01365',
  needs: ['gradients', 'slopes'],
  async explain(input, context, oracle) {
    // On other models than the one that is explained, the same steps are taken and nothing is demanded of them.
    if (context.steps !== undefined) {
      const values = await integrate(input, context, oracle, context.steps);
      return { map: mapOfValues(values, context.geometry) };
    }
    const [at, from] = await oracle.scores([{ input }, { input, values: context.baseline }]);
    for (let steps = STEPS; ; steps *= 2) {
      const values = await integrate(input, context, oracle, steps);
      const gap = gapOf(values, at - from);
      if (gap <= MAX_GAP) return { map: mapOfValues(values, context.geometry), steps, gap };
      if (2 * steps > MAX_STEPS)
        return {
          refusal: `the completeness gap is ${formatNumber(100 * gap, 3)} % after ${steps} steps, above ${100 * MAX_GAP} %`,
        };
    }
  },
};

async function integrate(
  input: ExplainedInput,
  context: MethodContext,
  oracle: ScoreOracle,
  steps: number,
): Promise<Float64Array> {
  const { values, baseline, at } = await spaceOf(input, context, oracle);
  const points = Array.from({ length: steps }, (_, k) => {
    const share = (k + 0.5) / steps;
    return at(combine(values, baseline, (value, missing) => missing + share * (value - missing)));
  });
  const mean = meanOf(await oracle.gradients(points));
  return mean.map((slope, i) => (values[i] - baseline[i]) * slope);
}

/** |Σ map − (z(x) − z(b))| as a share of |z(x) − z(b)|. */
function gapOf(values: Float64Array, difference: number): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const distance = Math.abs(sum - difference);
  return distance === 0 ? 0 : distance / Math.abs(difference);
}
