import { makeStringMutator } from './string-mutator.ts';

/** Takes strings over from another testcase, or joins the beginning of a string to the other one's end. */
export const blend = makeStringMutator(
  {
    name: 'blend',
    help: 'takes one string or a few from another testcase, whole or from some character on',
    source: 'splicing of AFL (Zalewski, technical whitepaper), for strings',
    mayChangeMeaning: true,
    partner: 'other',
    cost: 4,
  },
  () =>
    (body, { context: { partner, random }, from, width }) => {
      let length = width;
      while (length > 0 && partner[from + length - 1] === 0) length--;
      const isWhole = random.uniform() < 0.5;
      const start = isWhole ? 0 : random.below(Math.min(length, body.length) + 1);
      for (let i = start; i < length; i++) body.ids[i] = partner[from + i];
      body.length = length;
    },
);
