import type { WorkingArray } from '../constraints/bounds.ts';
import { randomStream } from '../core/random.ts';
import { type AttackedInput, AttackedValues, type AttackKind, WorstFinder } from './attack.ts';
import { Ball } from './ball.ts';
import { LINF } from './linf.ts';
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
  readonly ball: Ball;
  /** Where it stands; not rounded to the type of the input, so that small steps add up. */
  at: WorkingArray;
}

/** Projected gradient descent within an L∞ ball, or the L2 ball of the settings (Madry, Makelov, Schmidt, Tsipras & Vladu, ICLR 2018). */
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
      const ball = new Ball(input.data, values, context, parameters(LINF));
      return { input, worst: new WorstFinder(input, threshold), ball, at: ball.centre };
    };
    const restart = (search: Search, round: number): void => {
      const random = randomStream(seed, 'pgd', search.input.index, round);
      search.at = words.start === 'given' ? search.ball.centre : search.ball.draw(random);
    };
    const candidateOf = ({ input, at, ball }: Search) => ({
      data: values.withValues(input.data, at, ball.bounds),
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
              search.ball.ascend(search.at, gradient, parameters(STEP));
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
