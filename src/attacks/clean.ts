import { type AttackKind, WorstFinder } from './attack.ts';

/** No attack: the inputs as they are. */
export const clean: AttackKind = {
  name: 'clean',
  help: 'the inputs as they are',
  parameters: [],
  needsPicture: false,
  maxQueries: () => 1,
  make(_values, { threshold }) {
    return {
      async run(inputs, oracle) {
        const answers = await oracle.ask(inputs);
        return inputs.map((input, i) => {
          const worst = new WorstFinder(input, threshold);
          worst.take(input.data, answers[i]);
          return worst.outcome;
        });
      },
    };
  },
};
