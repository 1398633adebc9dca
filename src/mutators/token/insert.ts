import { added, openGap, tokenMutator } from './body.ts';

/** Inserts tokens that the vocabulary has. */
export const insert = tokenMutator(
  {
    name: 'insert',
    help: 'tokens are inserted',
    source: 'block insertion of AFL (Zalewski, technical whitepaper)',
  },
  'longer',
  () =>
    (body, { growth, given, draw }) => {
      const count = added(growth, given.random);
      const at = given.random.below(body.length + 1);
      openGap(body, at, count);
      for (let i = at; i < Math.min(body.length, at + count); i++) body.ids[i] = draw();
    },
);
