import { makeStringMutator, setString } from './string-mutator.ts';

/** Replaces strings by others that the graph, the seeds or the dictionary list. */
export const category = makeStringMutator(
  {
    name: 'category',
    help: 'replaces one string or a few by others from the model, the seeds or the --dictionary',
    source: 'dictionaries of AFL (Zalewski, technical whitepaper), for categories',
    mayChangeMeaning: true,
    cost: 6,
  },
  (_, { words }) =>
    (body, { context: { random } }) => {
      if (words.length > 0) setString(body, words[random.below(words.length)]);
    },
);
