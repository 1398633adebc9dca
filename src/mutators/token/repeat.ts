import { drawInsertCount, makeTokenMutator, openGap } from './body.ts';

const MAX_SPAN = 8;

/** Repeats a span: inserted behind it where the length may grow, else over the tokens that follow. */
export const repeat = makeTokenMutator(
  {
    name: 'repeat',
    help: 'repeats a span several times',
    source: 'repeated phrases of Holtzman et al. 2020, as inputs',
  },
  'longer',
  () =>
    (body, { growth, context: { random } }) => {
      const span = 1 + random.below(Math.min(MAX_SPAN, body.length));
      const from = random.below(body.length - span + 1);
      const available = body.length - from - span;
      const count =
        growth > 0 ? drawInsertCount(growth, random) : Math.min(available, span * (1 + random.below(4)));
      if (growth > 0) openGap(body, from + span, count);
      for (let i = 0; i < count; i++) body.ids[from + span + i] = body.ids[from + (i % span)];
    },
);
