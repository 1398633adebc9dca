import { quoteEscaped } from '../../core/escape-control.ts';
import type { DefaultedParameter } from '../../extensions/parameters.ts';
import type { Completion } from '../../model/language/completion.ts';
import { type Rule, type RuleKind, type RuleViolation, wholeWordsOf, wordEndTest } from './rule.ts';

const timesParameter = (usual: number, unit: string): DefaultedParameter => ({
  name: 'times',
  default: usual,
  help: `how often ${unit} in a row counts; ${usual} unless told`,
  min: 2,
  max: 1000,
  integer: true,
});

const WORD_TIMES = timesParameter(2, 'a word');
const TOKEN_TIMES = timesParameter(8, 'a token');
const SPAN_TIMES = timesParameter(3, 'a piece');

export const repeatedWord: RuleKind = {
  name: 'repeated-word',
  help: 'a word several times in a row, with nothing but white space between',
  parameters: [WORD_TIMES],
  make: (values) => makeRepeatedWordRule(values(WORD_TIMES)),
};

function makeRepeatedWordRule(wanted: number): Rule {
  return {
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
  };
}

export const repeatedToken: RuleKind = {
  name: 'repeated-token',
  help: 'a token several times in a row',
  parameters: [TOKEN_TIMES],
  make: (values) => makeRepeatedTokenRule(values(TOKEN_TIMES)),
};

function makeRepeatedTokenRule(wanted: number): Rule {
  return {
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
  };
}

/** Which characters of an answer some of its tokens are. */
function spanOfTokens(language: Completion['tokenizer'], ids: readonly number[], from: number, to: number) {
  const length = (count: number): number => language.decode(ids.slice(0, count)).length;
  return { from: length(from), to: length(to) };
}

const LOOP_LENGTH = {
  name: 'least',
  default: 24,
  help: 'characters that all of it has at least; 24 unless told',
  min: 2,
  max: 1e6,
  integer: true,
} as const;

export const repeatedSpan: RuleKind = {
  name: 'repeated-span',
  help: 'a loop: the same piece of text several times in a row',
  parameters: [SPAN_TIMES, LOOP_LENGTH],
  make: (values) => ({
    find: ({ answer }) => findLoop(answer, values(SPAN_TIMES), values(LOOP_LENGTH)),
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
