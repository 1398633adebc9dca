import { drawInsertCount, makeTokenMutator, openGap } from './body.ts';

/** Inserts tokens that the vocabulary has. */
export const insert = makeTokenMutator(
  {
    name: 'insert',
    help: 'inserts tokens',
    source: 'block insertion of AFL (Zalewski, technical whitepaper)',
  },
  'longer',
  () =>
    (body, { growth, context, draw }) => {
      const count = drawInsertCount(growth, context.random);
      const at = context.random.below(body.length + 1);
      openGap(body, at, count);
      for (let i = at; i < Math.min(body.length, at + count); i++) body.ids[i] = draw();
    },
);
