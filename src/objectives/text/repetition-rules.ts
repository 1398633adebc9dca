import { quoteEscaped } from '../../core/escape-control.ts';
import type { Completion } from '../../model/language/completion.ts';
import { type RuleKind, type RuleViolation, wholeWordsOf, wordEndTest } from './rule.ts';

const timesParameter = (usual: number, unit: string) => ({
  name: 'times',
  help: `how often ${unit} in a row counts; ${usual} unless told`,
  between: [2, 1000] as const,
  whole: true,
});

export const repeatedWord: RuleKind = {
  name: 'repeated-word',
  help: 'a word several times in a row, with nothing but white space between',
  parameters: [timesParameter(2, 'a word')],
  make: ({ values: { times = 2 } }) => ({
    find(completion) {
      const words = wholeWordsOf(completion);
      for (let i = 0; i + times <= words.length; i++) {
        const run = words.slice(i, i + times);
        const first = run[0].word.toLowerCase();
        const isRepetition = run.every(
          ({ word, from }, k) =>
            word.toLowerCase() === first &&
            (k === 0 || /^\s+$/u.test(completion.answer.slice(run[k - 1].to, from))),
        );
        if (!isRepetition) continue;
        return {
          from: run[0].from,
          to: run[times - 1].to,
          summary: `says ${quoteEscaped(run[0].word)} ${times === 2 ? 'twice' : `${times} times`} in a row`,
        };
      }
      return undefined;
    },
    variants: [''],
    needsAnswer: true,
    candidateFor(completion) {
      const [first] = wholeWordsOf(completion);
      if (first === undefined) return undefined;
      const { tokenizer, answer } = completion;
      // The answer up to the end of its first word, followed by that word again.
      const before = tokenizer.encode(answer.slice(0, first.to));
      const again = tokenizer.encode(`${answer.slice(0, first.to)}${` ${first.word}`.repeat(times - 1)}`);
      if (before === undefined || again === undefined) return undefined;
      return { ids: again, scoredFrom: before.length, followedBy: wordEndTest(tokenizer) };
    },
  }),
};

export const repeatedToken: RuleKind = {
  name: 'repeated-token',
  help: 'a token several times in a row',
  parameters: [timesParameter(8, 'a token')],
  make: ({ values: { times = 8 } }) => ({
    find({ ids, tokenizer }) {
      let start = 0;
      for (let i = 1; i <= ids.length; i++) {
        if (i < ids.length && ids[i] === ids[start]) continue;
        if (i - start >= times) {
          const token = tokenizer.tokens[ids[start]] ?? `token ${ids[start]}`;
          return {
            ...spanOfTokens(tokenizer, ids, start, i),
            summary: `says ${quoteEscaped(token)} ${i - start} times in a row`,
          };
        }
        start = i;
      }
      return undefined;
    },
  }),
};

/** Span of characters `[from, to)` that the tokens `[first, end)` of an answer decode to. */
function spanOfTokens(
  tokenizer: Completion['tokenizer'],
  ids: readonly number[],
  first: number,
  end: number,
): { readonly from: number; readonly to: number } {
  const length = (count: number): number => tokenizer.decode(ids.slice(0, count)).length;
  return { from: length(first), to: length(end) };
}

/** Default length of the shortest loop, in characters. */
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
  make: ({ values: { times = 3, least = DEFAULT_LOOP_LENGTH } }) => ({
    find: ({ answer }) => findLoop(answer, times, least),
  }),
};

/** Finds the loop with the shortest repeated piece. */
function findLoop(text: string, times: number, minLength: number): RuleViolation | undefined {
  for (let piece = 1; piece * times <= text.length; piece++) {
    // A loop is a run of characters that equal the one `piece` positions before.
    const minRun = Math.max(piece * times, minLength) - piece;
    let run = 0;
    for (let i = piece; i <= text.length; i++) {
      if (i < text.length && text[i] === text[i - piece]) {
        run++;
        continue;
      }
      if (run >= minRun) {
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
