import { makeTokenMutator } from './body.ts';

/** Goes on as another entry does from some place there. */
export const crossover = makeTokenMutator(
  {
    name: 'crossover',
    help: 'it begins as this entry and goes on as another',
    source: 'splicing of AFL (Zalewski, technical whitepaper)',
    mayChangeMeaning: true,
    partner: 'other',
  },
  'either',
  (_value, { tokens }) => {
    const special = new Set(tokens?.special);
    return (body, { growth, context: { partner, random } }) => {
      const wanted = body.length + growth;
      const cut = random.below(Math.min(wanted, body.length) + 1);
      let from = random.below(partner.length);
      let at = cut;
      for (; from < partner.length && at < wanted; from++)
        if (!special.has(partner[from])) body.ids[at++] = partner[from];
      body.length = Math.max(at, Math.min(body.length, wanted));
    };
  },
);
