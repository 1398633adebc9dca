import type { BoundsTracker, WorkingArray } from '../constraints/bounds.ts';
import { randomStream } from '../core/random.ts';
import { type AttackedInput, AttackedValues, type AttackKind, WorstFinder } from './attack.ts';
import { LINF, linfLimit } from './linf.ts';
import { LOSSES, type LossKind } from './losses.ts';

const STEPS = {
  name: 'steps',
  default: 100,
  help: 'steps, each along one gradient',
  min: 1,
  max: 1e5,
  integer: true,
} as const;

const STEP = {
  name: 'step',
  default: 1 / 12,
  help: 'length of a step, as a share of the limit',
  min: 0,
  max: 10,
} as const;

const RESTARTS = {
  name: 'restarts',
  default: 1,
  help: 'searches for one input, each from another start',
  min: 1,
  max: 1e4,
  integer: true,
} as const;

/** An input with its search. */
interface Search {
  readonly input: AttackedInput;
  readonly worst: WorstFinder;
  readonly bounds: BoundsTracker;
  readonly linf: number;
  /** Where it stands; not rounded to the type of the input, so that small steps add up. */
  at: WorkingArray;
}

/** Projected gradient descent within an L∞ ball (Madry, Makelov, Schmidt, Tsipras & Vladu, ICLR 2018). */
export const pgd: AttackKind = {
  name: 'pgd',
  help: 'steps along the signs of the gradient of a loss, from a random start, within an L∞ ball',
  source: 'PGD (Madry et al. 2018)',
  parameters: [STEPS, STEP, RESTARTS, LINF],
  words: {
    loss: { help: 'what the steps raise: dlr does not change where logits are scaled', legal: LOSSES },
    gradient: {
      help: 'straight-through passes rounding as the identity; exact is the gradient of the function, 0 for rounding',
      legal: ['straight-through', 'exact'],
    },
    start: { help: 'a random point of the ball, or the input as it is', legal: ['random', 'given'] },
  },
  needsPicture: false,
  isCombinable: true,
  needsGradient: true,
  maxQueries: (_context, parameters) => parameters(RESTARTS) * (parameters(STEPS) + 1),
  make(parameters, context) {
    const { seed, threshold, words } = context;
    const values = new AttackedValues(context);
    const [steps, restarts] = [parameters(STEPS), parameters(RESTARTS)];
    const loss = lossOf(words.loss);
    const isStraightThrough = words.gradient !== 'exact';
    const begin = (input: AttackedInput): Search => {
      const linf = linfLimit(input.data, values, context, parameters(LINF));
      const bounds = values.boundsAround(input.data, linf);
      return {
        input,
        worst: new WorstFinder(input, threshold),
        bounds,
        linf,
        at: values.valuesOf(input.data),
      };
    };
    const restart = (search: Search, round: number): void => {
      const { input, bounds, linf } = search;
      const random = randomStream(seed, 'pgd', input.index, round);
      const start = values.valuesOf(input.data);
      if (words.start !== 'given')
        for (let i = 0; i < start.length; i++) start[i] += linf * (2 * random.uniform() - 1);
      search.at = clip(start, bounds);
    };
    const candidateOf = ({ input, at, bounds }: Search) => ({
      data: values.withValues(input.data, at, bounds),
      label: input.label,
    });
    return {
      async run(inputs, oracle) {
        const searches = inputs.map(begin);
        for (let round = 0; round < restarts; round++) {
          for (const search of searches) restart(search, round);
          for (let step = 0; step < steps; step++) {
            const active = searches.filter(({ worst }) => !worst.isDone);
            if (active.length === 0) break;
            const candidates = active.map(candidateOf);
            const slopes = await oracle.differentiate(candidates, { loss, isStraightThrough });
            active.forEach((search, i) => {
              const { answer, gradient } = slopes[i];
              search.worst.take(candidates[i].data, answer);
              ascend(search, gradient, parameters(STEP) * search.linf);
            });
            oracle.onShare((round + (step + 1) / (steps + 1)) / restarts);
          }
          const active = searches.filter(({ worst }) => !worst.isDone);
          const candidates = active.map(candidateOf);
          const answers = await oracle.ask(candidates);
          active.forEach(({ worst }, i) => void worst.take(candidates[i].data, answers[i]));
        }
        return searches.map(({ worst }) => worst.outcome);
      },
    };
  },
};

function lossOf(word: string | undefined): LossKind {
  return LOSSES.find((loss) => loss === word) ?? 'cross-entropy';
}

/** A step up the signs of a gradient; values whose gradient is 0 or NaN stay. */
function ascend(search: Search, gradient: Float32Array, length: number): void {
  const { at, bounds } = search;
  for (let i = 0; i < at.length; i++) at[i] += length * (Math.sign(gradient[i]) || 0);
  clip(at, bounds);
}

function clip(values: WorkingArray, { low, high }: BoundsTracker): WorkingArray {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(high[i], Math.max(low[i], values[i]));
  return values;
}
