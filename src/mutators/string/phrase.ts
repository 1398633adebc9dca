import { closeGap, openGap, type TokenBody } from '../token/body.ts';
import { makeStringMutator } from './string-mutator.ts';

const SPACE = 0x20;

/** Adds, removes, repeats or replaces words of texts, which are separated by spaces. */
export const phrase = makeStringMutator(
  {
    name: 'phrase',
    help: 'adds, removes or repeats a word of a text, or replaces it by one from the model, the seeds or the --dictionary',
    source: 'EDA (Wei and Zou, EMNLP 2019); dictionaries of AFL (Zalewski, technical whitepaper)',
    mayChangeMeaning: true,
    cost: 8,
  },
  (_, { words }) =>
    (body, { context: { random } }) => {
      const start = wordStart(body, random.below(body.length + 1));
      const end = wordEnd(body, start);
      const kind = random.below(4);
      if (kind === 0) {
        closeGap(body, start, Math.min(body.length, end + 1) - start);
        return;
      }
      if (kind === 1) {
        const length = end - start;
        openGap(body, end, length + 1);
        body.ids[end] = SPACE;
        body.ids.copyWithin(end + 1, start, end);
        return;
      }
      if (words.length === 0) return;
      if (kind === 2) closeGap(body, start, end - start);
      const word = words[random.below(words.length)];
      const separator = kind === 3 && body.length > 0 ? 1 : 0;
      openGap(body, start, word.length + separator);
      for (let i = 0; i < word.length; i++) body.ids[start + i] = word[i];
      if (separator === 1) body.ids[start + word.length] = SPACE;
    },
);

/** Start of the word at an index. */
function wordStart({ ids }: TokenBody, index: number): number {
  let start = index;
  while (start > 0 && ids[start - 1] !== SPACE) start--;
  return start;
}

function wordEnd({ ids, length }: TokenBody, start: number): number {
  let end = start;
  while (end < length && ids[end] !== SPACE) end++;
  return end;
}
