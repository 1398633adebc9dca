import type { WorkingArray } from '../../constraints/bounds.ts';
import { drawNormal, type Random } from '../../core/random.ts';
import type { InputSlope, MutationContext, MutatorKind } from '../mutator.ts';
import { moveSteepest, stepByLength, stepBySign, stepToForecast } from './gradient-steps.ts';
import { drawStrength } from './mutation-strength.ts';

/** Ways in which a mutant steps along the slope, in turn. */
const VARIANTS = 8;

/** How far steps that aim beside the forecast miss it. */
const NEAR_MISS = 1e-3;

/** Most doublings of the forecast: margins that are far away are no straight lines. */
const MAX_OVERSHOOT = 6;

/** The least and the greatest strength of noise that a step beside a tie begins with, as shares of the range. */
const MIN_NOISE = 1e-4;
const MAX_NOISE = 0.1;

/** Least distance from a tie of steps that aim beside it, relative to the greatest. */
const MIN_SPREAD = 0.01;

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
        const { slope, random, noise, bounds } = context;
        if (slope === undefined)
          noise.add('normal', out, offset, parent, bounds, random, drawStrength(random));
        else if (slope.beyond !== undefined) stepBesideTie(out, offset, parent, slope, slope.beyond, context);
        else stepToGoal(out, offset, parent, slope, context);
      },
    };
  },
};

/** Half of the steps have a length by the forecast; the others are steps in the norm that limits mutants, L∞ without one. */
function stepToGoal(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  { derivatives, distance }: InputSlope,
  { random, bounds, mutantIndex, limits: { l0, l2 } = {} }: MutationContext,
): void {
  const stepTo = (factor: number): void =>
    stepToForecast(out, offset, parent, derivatives, bounds, factor * distance, l0);
  const moveSome = (): void => {
    const most = Math.min(parent.length, l0 ?? parent.length);
    const count = Math.max(1, Math.floor(most ** random.uniform()));
    moveSteepest(out, offset, parent, derivatives, bounds, count);
  };
  const stepBetween = (low: number, high: number, share: number): void => {
    if (l0 !== undefined) moveSome();
    else if (l2 !== undefined)
      stepByLength(out, offset, parent, derivatives, bounds, l2 * logUniform(random, low, high));
    else stepBySign(out, offset, parent, derivatives, bounds, logUniform(random, low, high), share, random);
  };
  const steps: readonly (() => void)[] = [
    () => stepTo(1),
    () => stepTo(1 + NEAR_MISS * drawNormal(random)),
    () => stepTo(2 ** (2 * random.uniform() - 1)),
    () => stepTo(2 ** (MAX_OVERSHOOT * random.uniform())),
    () => stepBetween(0.1, 1, 1),
    () => stepBetween(0.003, 0.1, 1),
    () => stepBetween(0.01, 1, 0.5),
    moveSome,
  ];
  steps[mutantIndex % VARIANTS]();
}

/**
 * Steps whose linear forecast ends where two models should disagree, beside a tie. All but the first two begin with noise, so that
 * each meets the tie at another point, where the models differ in another way.
 */
function stepBesideTie(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  { derivatives, distance }: InputSlope,
  { lead, spread }: NonNullable<InputSlope['beyond']>,
  { random, noise, bounds, mutantIndex, limits: { l0 } = {} }: MutationContext,
): void {
  const variant = mutantIndex % VARIANTS;
  const aim =
    variant === 0
      ? -lead / 2
      : variant % 2 === 0
        ? -lead * random.uniform()
        : logUniform(random, MIN_SPREAD, 1) * (random.uniform() < 0.5 ? -spread : spread);
  // Noise changes all values, of which L0 would undo most.
  if (variant < 2 || l0 !== undefined) {
    stepToForecast(out, offset, parent, derivatives, bounds, distance - aim, l0);
    return;
  }
  noise.add('normal', out, offset, parent, bounds, random, logUniform(random, MIN_NOISE, MAX_NOISE));
  const row = out.subarray(offset, offset + parent.length);
  let moved = 0;
  for (let i = 0; i < parent.length; i++) moved += derivatives[i] * (row[i] - parent[i]);
  stepToForecast(out, offset, row, derivatives, bounds, distance + moved - aim);
}

function logUniform(random: Random, low: number, high: number): number {
  return low * (high / low) ** random.uniform();
}
