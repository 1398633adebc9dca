import { randomStream } from '../core/random.ts';
import { AttackedValues, type AttackKind, WorstFinder } from './attack.ts';
import { Ball } from './ball.ts';
import { LINF } from './linf.ts';

const QUERIES = {
  name: 'queries',
  default: 200,
  help: 'draws for one input',
  min: 1,
  max: 1e6,
  integer: true,
} as const;

/** Draws of one run. */
const DRAWS = 64;

/** Random points of the ball: what every search should do better than. */
export const random: AttackKind = {
  name: 'random',
  help: 'random points of an L∞ ball, the yardstick of other attacks',
  parameters: [LINF, QUERIES],
  needsPicture: false,
  isExpensive: true,
  maxQueries: (_context, parameters) => parameters(QUERIES),
  make(parameters, context) {
    const values = new AttackedValues(context);
    const queries = parameters(QUERIES);
    return {
      async run(inputs, oracle) {
        const outcomes = [];
        for (const [i, input] of inputs.entries()) {
          const stream = randomStream(context.seed, 'random', input.index);
          const ball = new Ball(input.data, values, context, parameters(LINF));
          const worst = new WorstFinder(input, context.threshold);
          for (let from = 0; from < queries && !worst.isDone; from += DRAWS) {
            const candidates = Array.from({ length: Math.min(DRAWS, queries - from) }, () => ({
              data: values.withValues(input.data, ball.draw(stream), ball.bounds),
              label: input.label,
            }));
            const answers = await oracle.ask(candidates);
            answers.forEach((answer, k) => void worst.take(candidates[k].data, answer));
          }
          outcomes.push(worst.outcome);
          oracle.onShare((i + 1) / inputs.length);
        }
        return outcomes;
      },
    };
  },
};
