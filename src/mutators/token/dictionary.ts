import { makeTokenMutator, openGap } from './body.ts';

/** Inserts a word of the dictionary, or overwrites tokens with it. */
export const dictionary = makeTokenMutator(
  {
    name: 'dictionary',
    help: 'inserts a word of the --dictionary',
    source: 'dictionaries of AFL (Zalewski, technical whitepaper)',
  },
  'longer',
  () =>
    (body, { growth, tokens, context: { random } }) => {
      const words = tokens.dictionary;
      if (words.length === 0) return;
      const word = words[random.below(words.length)];
      const at = random.below(body.length + 1);
      if (growth > 0 || random.uniform() < 0.5) openGap(body, at, word.length);
      else body.length = Math.max(body.length, Math.min(body.ids.length, at + word.length));
      for (let i = 0; i < word.length && at + i < body.length; i++) body.ids[at + i] = word[i];
    },
);
