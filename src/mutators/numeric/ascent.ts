import { type Bounds, type WorkingArray, widthAt } from '../../constraints/bounds.ts';
import { drawNormal, type Random } from '../../core/random.ts';
import type { InputSlope, MutationContext, MutatorKind } from '../mutator.ts';
import { drawStrength } from './mutation-strength.ts';

/** Ways in which a mutant steps along the slope, in turn. */
const VARIANTS = 8;

/** Halvings of the interval in which the length of a step is sought: beyond single precision. */
const BISECTIONS = 30;

/** Doublings of a step before that. */
const MAX_DOUBLINGS = 40;

/** How far steps that aim beside the forecast miss it. */
const NEAR_MISS = 1e-3;

/** Most doublings of the forecast: margins that are far away are no straight lines. */
const MAX_OVERSHOOT = 6;

/**
 * Steps along the gradient of the distance from a goal, which is computed for the parent of each pick. Half of the steps are the
 * shortest ones whose linear forecast meets the goal, or passes it by a little; the others move all values, or some, by equal
 * steps or to the ends of what is legal.
 */
export const ascent: MutatorKind = {
  name: 'ascent',
  help: 'steps along the gradient of the distance from a goal: the shortest that should reach it, and steps of one size in the direction of its sign',
  source:
    'fast gradient sign (Goodfellow, Shlens & Szegedy 2015), projected gradient descent (Madry et al. 2018), the least step of DeepFool (Moosavi-Dezfooli et al. 2016)',
  domains: ['numbers'],
  parameters: [],
  staysInBounds: true,
  forGoals: true,
  cost: 6,
  make() {
    return {
      mutate(out, offset, parent, context) {
        const { slope, random, noise, bounds, mutantIndex } = context;
        if (slope === undefined) {
          noise.add('normal', out, offset, parent, bounds, random, drawStrength(random));
          return;
        }
        switch (mutantIndex % VARIANTS) {
          case 0:
            return stepToForecast(out, offset, parent, slope, bounds, 1);
          case 1:
            return stepToForecast(out, offset, parent, slope, bounds, 1 + NEAR_MISS * drawNormal(random));
          case 2:
            return stepToForecast(out, offset, parent, slope, bounds, 2 ** (2 * random.uniform() - 1));
          case 3:
            return stepToForecast(
              out,
              offset,
              parent,
              slope,
              bounds,
              2 ** (MAX_OVERSHOOT * random.uniform()),
            );
          case 4:
            return stepBySign(out, offset, parent, slope, bounds, logUniform(random, 0.1, 1), 1, random);
          case 5:
            return stepBySign(out, offset, parent, slope, bounds, logUniform(random, 0.003, 0.1), 1, random);
          case 6:
            return stepBySign(out, offset, parent, slope, bounds, logUniform(random, 0.01, 1), 0.5, random);
          default:
            return moveSteepest(out, offset, parent, slope, context);
        }
      },
    };
  },
};

function logUniform(random: Random, low: number, high: number): number {
  return low * (high / low) ** random.uniform();
}

/**
 * Writes the least change, in the Euclidean norm, within the bounds whose linear forecast covers the distance times a factor;
 * the furthest that is legal where none does.
 */
function stepToForecast(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  { derivatives, distance }: InputSlope,
  { low, high }: Bounds,
  factor: number,
): void {
  const wanted = distance * factor;
  const forecastOf = (length: number): number => {
    let covered = 0;
    for (let i = 0; i < parent.length; i++) {
      const slope = derivatives[i];
      if (slope === 0) continue;
      const value = Math.min(high[i], Math.max(low[i], parent[i] - length * slope));
      covered += slope * (parent[i] - value);
    }
    return covered;
  };
  let squares = 0;
  for (let i = 0; i < parent.length; i++) squares += derivatives[i] * derivatives[i];
  let length = squares > 0 ? wanted / squares : 0;
  for (let n = 0; n < MAX_DOUBLINGS && forecastOf(length) < wanted; n++) length *= 2;
  let short = 0;
  for (let n = 0; n < BISECTIONS; n++) {
    const middle = (short + length) / 2;
    if (forecastOf(middle) < wanted) short = middle;
    else length = middle;
  }
  for (let i = 0; i < parent.length; i++) {
    const slope = derivatives[i];
    const value = slope === 0 ? parent[i] : parent[i] - length * slope;
    out[offset + i] = Math.min(high[i], Math.max(low[i], value));
  }
}

/** Moves a share of the values by equal steps, relative to their ranges, against the signs of the slope. */
function stepBySign(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  { derivatives }: InputSlope,
  bounds: Bounds,
  step: number,
  share: number,
  random: Random,
): void {
  const { low, high } = bounds;
  for (let i = 0; i < parent.length; i++) {
    const slope = derivatives[i];
    const moves = slope !== 0 && (share >= 1 || random.uniform() < share);
    const value = moves ? parent[i] - Math.sign(slope) * step * widthAt(bounds, i) : parent[i];
    out[offset + i] = Math.min(high[i], Math.max(low[i], value));
  }
}

/** Moves the few values whose move to the end of what is legal is forecast to cover the most. */
function moveSteepest(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  { derivatives }: InputSlope,
  { bounds: { low, high }, random }: MutationContext,
): void {
  const endOf = (i: number): number => (derivatives[i] > 0 ? low[i] : high[i]);
  const gainOf = (i: number): number => Math.abs(derivatives[i] * (parent[i] - endOf(i)));
  const count = Math.max(1, Math.floor(parent.length ** random.uniform()));
  // The least gain that is among the greatest, by bisection, since nothing may be sorted into a new array.
  let most = 0;
  for (let i = 0; i < parent.length; i++) most = Math.max(most, gainOf(i));
  let least = 0;
  for (let n = 0; n < BISECTIONS; n++) {
    const middle = (least + most) / 2;
    let above = 0;
    for (let i = 0; i < parent.length; i++) if (gainOf(i) > middle) above++;
    if (above >= count) least = middle;
    else most = middle;
  }
  for (let i = 0; i < parent.length; i++)
    out[offset + i] = derivatives[i] !== 0 && gainOf(i) > least ? endOf(i) : parent[i];
}
