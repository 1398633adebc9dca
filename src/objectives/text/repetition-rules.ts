import { quoteEscaped } from '../../core/escape-control.ts';
import type { Completion } from '../../model/language/completion.ts';
import { type RuleKind, type RuleViolation, wholeWordsOf, wordEndTest } from './rule.ts';

const timesParameter = (usual: number, what: string) => ({
  name: 'times',
  help: `how often ${what} in a row counts; ${usual} unless told`,
  between: [2, 1000] as const,
  whole: true,
});

export const repeatedWord: RuleKind = {
  name: 'repeated-word',
  help: 'a word several times in a row, with nothing but white space between',
  parameters: [timesParameter(2, 'a word')],
  make: ({ values: { times: wanted = 2 } }) => ({
    find(said) {
      const words = wholeWordsOf(said);
      for (let i = 0; i + wanted <= words.length; i++) {
        const some = words.slice(i, i + wanted);
        const first = some[0].word.toLowerCase();
        const isRow = some.every(
          ({ word, from }, k) =>
            word.toLowerCase() === first &&
            (k === 0 || /^\s+$/u.test(said.answer.slice(some[k - 1].to, from))),
        );
        if (!isRow) continue;
        return {
          from: some[0].from,
          to: some[wanted - 1].to,
          summary: `says ${quoteEscaped(some[0].word)} ${wanted === 2 ? 'twice' : `${wanted} times`} in a row`,
        };
      }
      return undefined;
    },
    variants: [''],
    needsAnswer: true,
    candidateFor(said) {
      const [first] = wholeWordsOf(said);
      if (first === undefined) return undefined;
      const { tokenizer, answer } = said;
      // What it has said up to the end of its first word, and that word again.
      const before = tokenizer.encode(answer.slice(0, first.to));
      const again = tokenizer.encode(`${answer.slice(0, first.to)}${` ${first.word}`.repeat(wanted - 1)}`);
      if (before === undefined || again === undefined) return undefined;
      return { ids: again, scoredFrom: before.length, followedBy: wordEndTest(tokenizer) };
    },
  }),
};

export const repeatedToken: RuleKind = {
  name: 'repeated-token',
  help: 'a token several times in a row',
  parameters: [timesParameter(8, 'a token')],
  make: ({ values: { times: wanted = 8 } }) => ({
    find({ ids, tokenizer }) {
      let since = 0;
      for (let i = 1; i <= ids.length; i++) {
        if (i < ids.length && ids[i] === ids[since]) continue;
        if (i - since >= wanted) {
          const token = tokenizer.tokens[ids[since]] ?? `token ${ids[since]}`;
          return {
            ...spanOfTokens(tokenizer, ids, since, i),
            summary: `says ${quoteEscaped(token)} ${i - since} times in a row`,
          };
        }
        since = i;
      }
      return undefined;
    },
  }),
};

/** Which characters of an answer some of its tokens are. */
function spanOfTokens(language: Completion['tokenizer'], ids: readonly number[], from: number, to: number) {
  const length = (count: number): number => language.decode(ids.slice(0, count)).length;
  return { from: length(from), to: length(to) };
}

/** Characters that a loop must fill, unless told. */
const DEFAULT_LOOP_LENGTH = 24;

export const repeatedSpan: RuleKind = {
  name: 'repeated-span',
  help: 'a loop: the same piece of text several times in a row',
  parameters: [
    timesParameter(3, 'a piece'),
    {
      name: 'least',
      help: `characters that all of it has at least; ${DEFAULT_LOOP_LENGTH} unless told`,
      between: [2, 1e6],
      integer: true,
    },
  ],
  make: ({ values: { times: wanted = 3, least = DEFAULT_LOOP_LENGTH } }) => ({
    find: ({ answer }) => findLoop(answer, wanted, least),
  }),
};

/** The loop with the shortest piece. */
function findLoop(text: string, times: number, least: number): RuleViolation | undefined {
  for (let piece = 1; piece * times <= text.length; piece++) {
    // Letters that equal the one a piece before: so many in a row are a loop.
    const needed = Math.max(piece * times, least) - piece;
    let run = 0;
    for (let i = piece; i <= text.length; i++) {
      if (i < text.length && text[i] === text[i - piece]) {
        run++;
        continue;
      }
      if (run >= needed) {
        const from = i - run - piece;
        const count = Math.floor((run + piece) / piece);
        return {
          from,
          to: i,
          summary: `says ${quoteEscaped(text.slice(from, from + piece))} ${count} times in a row`,
        };
      }
      run = 0;
    }
  }
  return undefined;
}
