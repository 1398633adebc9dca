import { UserError } from '../../core/errors.ts';
import { quoteEscaped } from '../../core/escape-control.ts';
import { MAX_TEXT_BYTES, readText } from '../../core/read-bounded.ts';
import { splitLines } from '../../core/text-lines.ts';
import { remapPath } from '../../extensions/path-remap.ts';
import type { Completion } from '../../model/language/completion.ts';
import { MAX_MARGINS, slug } from '../objective.ts';
import { FOLDS, type Fold, foldText } from './normalization.ts';
import {
  isInWord,
  type Rule,
  type RuleKind,
  type RuleViolation,
  startsAtWordBoundary,
  wordEndTest,
} from './rule.ts';

/**
 * Distinct trimmed lines of a rule's file without empty lines and `#` comments, or the text given in place of a file.
 */
function readList(rule: string, file: string | undefined, text: string): string[] {
  if ((file === undefined) === (text === ''))
    throw new UserError(
      `--objective: text:${rule} needs a list: text:${rule},file=list.txt, with one text per line, or text:${rule},WORD`,
    );
  if (file === undefined) return [text];
  const content = readText(remapPath(file), `read, for --objective text:${rule},`, MAX_TEXT_BYTES);
  const lines = splitLines(content, file)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 0)
    throw new UserError(`--objective: text:${rule}: ${file} is empty: write one forbidden text per line`);
  return [...new Set(lines)];
}

/** A text that answers must not contain. */
interface ListedText {
  readonly text: string;
  /** Suffix of the signature. */
  readonly variant: string;
  readonly pattern: RegExp;
}

interface ListRuleOptions {
  readonly texts: readonly ListedText[];
  readonly fold: Fold;
  /** Whether a match must not be part of a longer word. */
  readonly wholeWords: boolean;
  /** Whether a match counts if the prompt contains the text already. */
  readonly countsPrompted: boolean;
  /** Whether summaries must not quote the match. */
  readonly isPrivate?: boolean;
  describe(listed: ListedText, match: string): string;
}

/** Pattern of a listed text in which any run of white space matches any other. */
function patternOf(text: string, fold: Fold): RegExp {
  const parts = foldText(text, fold)
    .text.split(/\s+/u)
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(parts.join('\\s+'), 'gu');
}

function makeListRule({
  texts,
  fold,
  wholeWords,
  countsPrompted,
  isPrivate = false,
  describe,
}: ListRuleOptions): Rule {
  const isIn = (text: string, { pattern }: ListedText): boolean => {
    pattern.lastIndex = 0;
    return pattern.test(foldText(text, fold).text);
  };
  return {
    find(completion) {
      const { answer } = completion;
      const folded = foldText(answer, fold);
      let first: (RuleViolation & { readonly from: number }) | undefined;
      for (const listed of texts) {
        listed.pattern.lastIndex = 0;
        for (const match of folded.text.matchAll(listed.pattern)) {
          const from = folded.starts[match.index];
          const to = folded.ends[match.index + match[0].length - 1];
          if (first !== undefined && first.from <= from) break;
          if (wholeWords && !isWholeWord(completion, from, to)) continue;
          if (!countsPrompted && isIn(completion.prompt, listed)) break;
          const summary = describe(listed, answer.slice(from, to));
          first = { variant: listed.variant, from, to, summary, isPrivate };
          break;
        }
      }
      return first;
    },
    variants: texts.slice(0, MAX_MARGINS).map(({ variant }) => variant),
    candidateFor(completion, variantIndex) {
      const listed = texts[variantIndex];
      if (!countsPrompted && isIn(completion.prompt, listed)) return undefined;
      const { tokenizer } = completion;
      const needsSpace = wholeWords && !startsAtWordBoundary(completion);
      const ids = tokenizer.encode(needsSpace ? ` ${listed.text}` : listed.text);
      return ids && { ids, scoredFrom: 0, ...(wholeWords ? { followedBy: wordEndTest(tokenizer) } : {}) };
    },
    unbreakableReason(tokenizer) {
      return texts.some(({ text }) => tokenizer.encode(text) !== undefined)
        ? undefined
        : `lists no text that the vocabulary can write, such as ${quoteEscaped(texts[0].text)}`;
    },
  };
}

/** Whether a span of an answer has no word character beside it and is not a word cut off by the token limit. */
function isWholeWord(completion: Completion, from: number, to: number): boolean {
  const { answer, ended } = completion;
  const before = [...answer.slice(Math.max(0, from - 2), from)].at(-1);
  const startsWord = before === undefined ? startsAtWordBoundary(completion) : !isInWord(before);
  const [after] = answer.slice(to, to + 2);
  return startsWord && (after === undefined ? ended : !isInWord(after));
}

const PROMPTED_PARAMETER = {
  name: 'prompted',
  help: '1: count texts that the prompt already contains',
  default: 0,
  min: 0,
  max: 1,
  integer: true,
} as const;

const WHOLE_PARAMETER = {
  name: 'whole',
  default: 1,
  help: '0: also match parts of words',
  min: 0,
  max: 1,
  integer: true,
} as const;

export const words: RuleKind = {
  name: 'words',
  help: 'a word or phrase of a list that the prompt does not contain',
  parameters: [WHOLE_PARAMETER, PROMPTED_PARAMETER],
  words: {
    file: { help: 'file of words or phrases, one per line' },
    fold: {
      help: 'differences that are ignored: case (default), none, or homoglyphs (look-alike letters)',
      legal: FOLDS,
    },
  },
  text: 'a word or phrase, in place of a file',
  make(values, { words: { file, fold = 'case' }, text }) {
    const foldMode = FOLDS.find((name) => name === fold) ?? 'case';
    const uses = new Map<string, number>();
    const listed = readList('words', file, text).map((line): ListedText => {
      const name = slug(line.toLowerCase());
      const before = uses.get(name) ?? 0;
      uses.set(name, before + 1);
      return {
        text: line,
        variant: before === 0 ? name : `${name}-${before + 1}`,
        pattern: patternOf(line, foldMode),
      };
    });
    return makeListRule({
      texts: listed,
      fold: foldMode,
      wholeWords: values(WHOLE_PARAMETER) === 1,
      countsPrompted: values(PROMPTED_PARAMETER) === 1,
      describe: (listedText, match) =>
        listedText.text === match
          ? `the answer contains ${quoteEscaped(match)}`
          : `the answer contains ${quoteEscaped(match)}, listed as ${quoteEscaped(listedText.text)}`,
    });
  },
};

/** Length of the shortest secret in characters: shorter ones occur in harmless text. */
const MIN_SECRET_LENGTH = 4;

export const canary: RuleKind = {
  name: 'canary',
  help: 'a private text of a file, letter by letter, that the prompt does not contain',
  parameters: [PROMPTED_PARAMETER],
  words: {
    file: { help: 'file of private texts, one per line; signatures and summaries show only line numbers' },
  },
  text: 'a private text, in place of a file',
  make(values, { words: { file }, text }) {
    const secrets = readList('canary', file, text);
    const short = secrets.findIndex((secret) => secret.length < MIN_SECRET_LENGTH);
    if (short >= 0)
      throw new UserError(
        `--objective: text:canary: private text ${short + 1} has fewer than ${MIN_SECRET_LENGTH} characters: short texts occur by chance`,
      );
    const listed = secrets.map(
      (secret, i): ListedText => ({
        text: secret,
        variant: String(i + 1),
        pattern: patternOf(secret, 'none'),
      }),
    );
    return makeListRule({
      texts: listed,
      fold: 'none',
      wholeWords: false,
      countsPrompted: values(PROMPTED_PARAMETER) === 1,
      isPrivate: true,
      describe: ({ variant }) => `the answer contains private text ${variant}`,
    });
  },
};
