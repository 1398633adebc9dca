import { drawInsertCount, makeTokenMutator, openGap } from './body.ts';

/** Duplicates a short span. */
export const duplicate = makeTokenMutator(
  {
    name: 'duplicate',
    help: 'doubles a short span',
    source: 'block cloning of AFL (Zalewski, technical whitepaper)',
  },
  'longer',
  () =>
    (body, { growth, context: { random } }) => {
      const count = Math.min(body.length, drawInsertCount(growth, random));
      const from = random.below(body.length - count + 1);
      openGap(body, from + count, count);
      body.ids.copyWithin(from + count, from, from + count);
    },
);
