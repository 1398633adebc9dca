import { readFileSync } from 'node:fs';
import { fileError, UserError } from '../../core/errors.ts';
import { quoteEscaped } from '../../core/escape-control.ts';
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

/** Lines of a rule's file, without white space at their ends; empty ones and those that begin with # are left out. */
function readList(rule: string, file: string | undefined, text: string): string[] {
  if ((file === undefined) === (text === ''))
    throw new UserError(
      `--objective: text:${rule} needs a list: text:${rule},file=list.txt, a line each, or text:${rule},WORD`,
    );
  if (file === undefined) return [text];
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(remapPath(file)));
  } catch (error) {
    if (error instanceof TypeError)
      throw new UserError(`--objective: text:${rule}: ${file} is no UTF-8 text`);
    throw fileError(error, `read, for --objective text:${rule},`, file);
  }
  const lines = content
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 0)
    throw new UserError(
      `--objective: text:${rule}: ${file} holds no line: write what must not be said, a line each`,
    );
  return [...new Set(lines)];
}

/** Something that must not be said. */
interface ListedText {
  readonly text: string;
  /** What signatures call it. */
  readonly variant: string;
  readonly pattern: RegExp;
}

interface ListRuleOptions {
  readonly texts: readonly ListedText[];
  readonly fold: Fold;
  /** Whether letters may not stand beside it. */
  readonly wholeWords: boolean;
  /** Whether it counts where the prompt holds it already. */
  readonly countsPrompted: boolean;
  /** Whether what was found must not be shown in passing. */
  readonly isPrivate?: boolean;
  describe(one: ListedText, found: string): string;
}

/** A pattern for a listed text, white space in it being any white space. */
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
    find(said) {
      const { answer, ended } = said;
      const own = foldText(answer, fold);
      let first: (RuleViolation & { readonly from: number }) | undefined;
      for (const one of texts) {
        one.pattern.lastIndex = 0;
        for (const match of own.text.matchAll(one.pattern)) {
          const from = own.starts[match.index];
          const to = own.ends[match.index + match[0].length - 1];
          if (first !== undefined && first.from <= from) break;
          if (wholeWords && !standsAlone(said, from, to, ended)) continue;
          if (!countsPrompted && isIn(said.prompt, one)) break;
          const summary = describe(one, answer.slice(from, to));
          first = { variant: one.variant, from, to, summary, isPrivate };
          break;
        }
      }
      return first;
    },
    variants: texts.slice(0, MAX_MARGINS).map(({ variant }) => variant),
    candidateFor(said, way) {
      const one = texts[way];
      if (!countsPrompted && isIn(said.prompt, one)) return undefined;
      const isApart = !wholeWords || startsAtWordBoundary(said);
      const ids = said.tokenizer.encode(isApart ? one.text : ` ${one.text}`);
      return (
        ids && { ids, scoredFrom: 0, ...(wholeWords ? { followedBy: wordEndTest(said.tokenizer) } : {}) }
      );
    },
    unbreakableReason(language) {
      return texts.some(({ text }) => language.encode(text) !== undefined)
        ? undefined
        : `lists nothing that the vocabulary can write, as ${quoteEscaped(texts[0].text)}`;
    },
  };
}

/** Whether no letter stands beside a part of an answer, and it is not what the end cut off. */
function standsAlone(said: Completion, from: number, to: number, ended: boolean): boolean {
  const { answer } = said;
  const before = [...answer.slice(Math.max(0, from - 2), from)].at(-1);
  const isFree = before === undefined ? startsAtWordBoundary(said) : !isInWord(before);
  const [after] = answer.slice(to, to + 2);
  return isFree && (after === undefined ? ended : !isInWord(after));
}

const PROMPTED_PARAMETER = {
  name: 'prompted',
  help: '1 counts what the prompt holds already as well',
  default: 0,
  min: 0,
  max: 1,
  integer: true,
} as const;

const WHOLE = {
  name: 'whole',
  default: 1,
  help: '0 counts parts of words as well',
  min: 0,
  max: 1,
  integer: true,
} as const;

export const words: RuleKind = {
  name: 'words',
  help: 'a word or phrase of a list, which the prompt does not hold itself',
  parameters: [WHOLE, PROMPTED_PARAMETER],
  words: {
    file: { help: 'the list, a word or phrase a line' },
    fold: {
      help: 'what does not matter: case unless told; none, or homoglyphs, letters that look alike',
      legal: FOLDS,
    },
  },
  text: 'a word or phrase, in place of a file',
  make(values, { words: { file, fold = 'case' }, text }) {
    const taken = new Map<string, number>();
    const listed = readList('words', file, text).map((line): ListedText => {
      const name = slug(line.toLowerCase());
      const before = taken.get(name) ?? 0;
      taken.set(name, before + 1);
      return {
        text: line,
        variant: before === 0 ? name : `${name}-${before + 1}`,
        pattern: patternOf(line, fold as Fold),
      };
    });
    return makeListRule({
      texts: listed,
      fold: fold as Fold,
      wholeWords: values(WHOLE) === 1,
      countsPrompted: values(PROMPTED_PARAMETER) === 1,
      describe: ({ text: own }, found) =>
        own === found
          ? `says ${quoteEscaped(own)}`
          : `says ${quoteEscaped(found)}, which is ${quoteEscaped(own)} of the list`,
    });
  },
};

/** Characters of a secret below which much that is harmless would hold it. */
const MIN_SECRET_LENGTH = 4;

export const canary: RuleKind = {
  name: 'canary',
  help: 'a private text of a file, letter by letter, which the prompt does not hold itself',
  parameters: [PROMPTED_PARAMETER],
  words: {
    file: { help: 'the private texts, a line each; signatures and summaries tell their lines alone' },
  },
  text: 'a private text, in place of a file',
  make(values, { words: { file }, text }) {
    const secrets = readList('canary', file, text);
    const short = secrets.findIndex((secret) => secret.length < MIN_SECRET_LENGTH);
    if (short >= 0)
      throw new UserError(
        `--objective: text:canary: private text ${short + 1} has fewer than ${MIN_SECRET_LENGTH} characters: what is so short comes up by chance`,
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
      describe: ({ variant }) => `says private text ${variant}`,
    });
  },
};
