import { closeGap, makeTokenMutator } from './body.ts';

/** Takes tokens away. */
export const deletion = makeTokenMutator(
  {
    name: 'delete',
    help: 'removes tokens',
    source: 'block deletion of AFL (Zalewski, technical whitepaper)',
  },
  'shorter',
  () =>
    (body, { growth, context: { random } }) => {
      const count = Math.min(body.length - 1, growth < 0 ? -growth : 1 + random.below(3));
      if (count > 0) closeGap(body, random.below(body.length - count + 1), count);
    },
);
