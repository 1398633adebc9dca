import { makeTokenMutator } from './body.ts';

/** One-point crossover: the beginning of this entry and a later part of another. */
export const crossover = makeTokenMutator(
  {
    name: 'crossover',
    help: 'begins with this entry and continues with another',
    source: 'splicing of AFL (Zalewski, technical whitepaper)',
    mayChangeMeaning: true,
    partner: 'other',
  },
  'either',
  (_value, { tokens }) => {
    const special = new Set(tokens?.special);
    return (body, { growth, context: { partner, random } }) => {
      const length = body.length + growth;
      const cut = random.below(Math.min(length, body.length) + 1);
      let from = random.below(partner.length);
      let at = cut;
      for (; from < partner.length && at < length; from++)
        if (!special.has(partner[from])) body.ids[at++] = partner[from];
      body.length = Math.max(at, Math.min(body.length, length));
    };
  },
);
