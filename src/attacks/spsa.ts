import type { WorkingArray } from '../constraints/bounds.ts';
import { type Random, randomStream } from '../core/random.ts';
import { spanOf } from '../inputs/input-descriptor.ts';
import type { ClassAnswer } from '../objectives/class-answer.ts';
import {
  type AttackedInput,
  AttackedValues,
  type AttackKind,
  type AttackOracle,
  WorstFinder,
} from './attack.ts';
import { LINF, linfLimit } from './linf.ts';

/** Pairs of directions of an estimate, their length and the rate of Adam, both as shares of the span. */
const PAIRS = 64;
const LENGTH = 0.01;
const RATE = 0.01;

/** Decays of Adam's moments (Kingma & Ba 2015), and what keeps its quotient finite. */
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

const STEPS = {
  name: 'steps',
  default: 100,
  help: `steps; each takes ${2 * PAIRS} queries`,
  min: 1,
  max: 1e5,
  integer: true,
} as const;

/** Adam's moments, one each a value. */
class Moments {
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  #steps = 0;

  constructor(size: number) {
    this.#first = new Float64Array(size);
    this.#second = new Float64Array(size);
  }

  /** Moves the values up a slope. */
  ascend(values: WorkingArray, slope: Float64Array, rate: number): void {
    this.#steps++;
    const firstScale = 1 - BETA_1 ** this.#steps;
    const secondScale = 1 - BETA_2 ** this.#steps;
    for (let i = 0; i < values.length; i++) {
      this.#first[i] = BETA_1 * this.#first[i] + (1 - BETA_1) * slope[i];
      this.#second[i] = BETA_2 * this.#second[i] + (1 - BETA_2) * slope[i] ** 2;
      const size = Math.sqrt(this.#second[i] / secondScale) + EPSILON;
      values[i] += (rate * this.#first[i]) / firstScale / size;
    }
  }
}

/** A direction of ±1 for each value. */
function drawSigns(random: Random, size: number): Int8Array {
  return Int8Array.from({ length: size }, () => (random.below(2) === 0 ? -1 : 1));
}

/** The slope of the gap along directions: the mean of (gap(x + δv) − gap(x − δv)) / 2δ · v. Of answers without a finite gap, 0. */
function slopeOf(signs: readonly Int8Array[], answers: readonly ClassAnswer[], length: number): Float64Array {
  const slope = new Float64Array(signs[0].length);
  signs.forEach((direction, pair) => {
    const difference = answers[2 * pair].gap - answers[2 * pair + 1].gap;
    if (!Number.isFinite(difference)) return;
    const rate = difference / (2 * length * signs.length);
    for (let i = 0; i < slope.length; i++) slope[i] += rate * direction[i];
  });
  return slope;
}

/** Estimates gradients by random directions: SPSA as an attack (Uesato, O'Donoghue, van den Oord & Kohli, ICML 2018). */
export const spsa: AttackKind = {
  name: 'spsa',
  help: 'steps along slopes that are estimated from scores at random directions, within an L∞ ball',
  source: 'SPSA (Uesato et al. 2018)',
  parameters: [STEPS, LINF],
  needsPicture: false,
  isCombinable: true,
  isExpensive: true,
  maxQueries: (_context, parameters) => 2 * PAIRS * parameters(STEPS),
  make(parameters, context) {
    const { seed, descriptor, threshold } = context;
    const values = new AttackedValues(context);
    const steps = parameters(STEPS);
    const length = LENGTH * spanOf(descriptor);
    const attack = async (input: AttackedInput, oracle: AttackOracle, onStep: (step: number) => void) => {
      const { data, label, index } = input;
      const random = randomStream(seed, 'spsa', index);
      const worst = new WorstFinder(input, threshold);
      const bounds = values.boundsAround(data, linfLimit(data, values, context, parameters(LINF)));
      let at = values.valuesOf(data);
      const moments = new Moments(at.length);
      for (let step = 0; step < steps && !worst.isDone; step++) {
        const signs = Array.from({ length: PAIRS }, () => drawSigns(random, at.length));
        const candidates = signs.flatMap((direction) =>
          [length, -length].map((by) => {
            const moved = at.map((value, i) => value + by * direction[i]);
            return { data: values.withValues(data, moved, bounds), label };
          }),
        );
        const answers = await oracle.ask(candidates);
        answers.forEach((answer, i) => void worst.take(candidates[i].data, answer));
        moments.ascend(at, slopeOf(signs, answers, length), RATE * spanOf(descriptor));
        at = values.valuesOf(values.withValues(data, at, bounds));
        onStep(step + 1);
      }
      return worst.outcome;
    };
    return {
      async run(inputs, oracle) {
        const outcomes = [];
        for (const [i, input] of inputs.entries())
          outcomes.push(
            await attack(input, oracle, (step) => oracle.onShare((i + step / steps) / inputs.length)),
          );
        return outcomes;
      },
    };
  },
};
