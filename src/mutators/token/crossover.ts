import { tokenMutator } from './body.ts';

/** Goes on as another entry does from some place there. */
export const crossover = tokenMutator(
  {
    name: 'crossover',
    help: 'it begins as this entry and goes on as another',
    source: 'splicing of AFL (Zalewski, technical whitepaper)',
    alters: true,
    mate: 'other',
  },
  'either',
  (_value, { tokens }) => {
    const special = new Set(tokens?.special);
    return (body, { growth, given: { mate, random } }) => {
      const wanted = body.length + growth;
      const cut = random.below(Math.min(wanted, body.length) + 1);
      let from = random.below(mate.length);
      let at = cut;
      for (; from < mate.length && at < wanted; from++)
        if (!special.has(mate[from])) body.ids[at++] = mate[from];
      body.length = Math.max(at, Math.min(body.length, wanted));
    };
  },
);
