import { quoteEscaped } from '../../core/escape-control.ts';
import type { DefaultedParameter } from '../../extensions/parameters.ts';
import type { Completion } from '../../model/language/completion.ts';
import { type Rule, type RuleKind, type RuleViolation, wholeWordsOf, wordEndTest } from './rule.ts';

const timesParameter = (usual: number, unit: string): DefaultedParameter => ({
  name: 'times',
  default: usual,
  help: `number of times ${unit} must repeat in a row`,
  min: 2,
  max: 1000,
  integer: true,
});

const WORD_TIMES = timesParameter(2, 'a word');
const TOKEN_TIMES = timesParameter(8, 'a token');
const PIECE_TIMES = timesParameter(3, 'a piece');

export const repeatedWord: RuleKind = {
  name: 'repeated-word',
  help: 'a word several times in a row, with nothing but white space between',
  parameters: [WORD_TIMES],
  make: (values) => makeRepeatedWordRule(values(WORD_TIMES)),
};

function makeRepeatedWordRule(times: number): Rule {
  return {
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
          summary: `the answer repeats ${quoteEscaped(run[0].word)} ${times === 2 ? 'twice' : `${times} times`} in a row`,
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
  };
}

export const repeatedToken: RuleKind = {
  name: 'repeated-token',
  help: 'a token several times in a row',
  parameters: [TOKEN_TIMES],
  make: (values) => makeRepeatedTokenRule(values(TOKEN_TIMES)),
};

function makeRepeatedTokenRule(times: number): Rule {
  return {
    find({ ids, tokenizer }) {
      let start = 0;
      for (let i = 1; i <= ids.length; i++) {
        if (i < ids.length && ids[i] === ids[start]) continue;
        if (i - start >= times) {
          const token = tokenizer.tokens[ids[start]] ?? `token ${ids[start]}`;
          return {
            ...spanOfTokens(tokenizer, ids, start, i),
            summary: `the answer repeats ${quoteEscaped(token)} ${i - start} times in a row`,
          };
        }
        start = i;
      }
      return undefined;
    },
  };
}

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

const LOOP_LENGTH = {
  name: 'least',
  default: 24,
  help: 'minimum length of the loop in characters',
  min: 2,
  max: 1e6,
  integer: true,
} as const;

export const repeatedSpan: RuleKind = {
  name: 'repeated-span',
  help: 'a loop: the same text several times in a row',
  parameters: [PIECE_TIMES, LOOP_LENGTH],
  make: (values) => ({
    find: ({ answer }) => findLoop(answer, values(PIECE_TIMES), values(LOOP_LENGTH)),
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
          summary: `the answer repeats ${quoteEscaped(text.slice(from, from + piece))} ${count} times in a row`,
        };
      }
      run = 0;
    }
  }
  return undefined;
}
