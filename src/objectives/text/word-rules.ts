import { readFileSync } from 'node:fs';
import { fileError, UserError } from '../../core/errors.ts';
import { quoted } from '../../core/escape-control.ts';
import { placeOf } from '../../extensions/path-remap.ts';
import type { Said } from '../../model/language/completion.ts';
import { MOST_MARGINS, slug } from '../objective.ts';
import { FOLDS, type Fold, folded } from './normalization.ts';
import { beginsFree, endsWords, isInWord, type Offence, type Rule, type RuleKind } from './rule.ts';

/** Lines of a rule's file, without white space at their ends; empty ones and those that begin with # are left out. */
function linesOf(rule: string, file: string | undefined, text: string): string[] {
  if ((file === undefined) === (text === ''))
    throw new UserError(
      `--objective: text:${rule} needs a list: text:${rule},file=list.txt, a line each, or text:${rule},WORD`,
    );
  if (file === undefined) return [text];
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(placeOf(file)));
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
interface Listed {
  readonly text: string;
  /** What signatures call it. */
  readonly what: string;
  readonly pattern: RegExp;
}

interface Listing {
  readonly listed: readonly Listed[];
  readonly fold: Fold;
  /** Whether letters may not stand beside it. */
  readonly whole: boolean;
  /** Whether it counts where the prompt holds it already. */
  readonly prompted: boolean;
  /** Whether what was found must not be shown in passing. */
  readonly isPrivate?: boolean;
  offence(one: Listed, found: string): string;
}

/** A pattern for a listed text, white space in it being any white space. */
function patternOf(text: string, fold: Fold): RegExp {
  const parts = folded(text, fold)
    .text.split(/\s+/u)
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(parts.join('\\s+'), 'gu');
}

function listingRule({ listed, fold, whole, prompted, isPrivate = false, offence }: Listing): Rule {
  const isIn = (text: string, { pattern }: Listed): boolean => {
    pattern.lastIndex = 0;
    return pattern.test(folded(text, fold).text);
  };
  return {
    find(said) {
      const { answer, ended } = said;
      const own = folded(answer, fold);
      let first: (Offence & { readonly from: number }) | undefined;
      for (const one of listed) {
        one.pattern.lastIndex = 0;
        for (const match of own.text.matchAll(one.pattern)) {
          const from = own.from[match.index];
          const to = own.to[match.index + match[0].length - 1];
          if (first !== undefined && first.from <= from) break;
          if (whole && !standsAlone(said, from, to, ended)) continue;
          if (!prompted && isIn(said.prompt, one)) break;
          const summary = offence(one, answer.slice(from, to));
          first = { what: one.what, from, to, summary, isPrivate };
          break;
        }
      }
      return first;
    },
    ways: listed.slice(0, MOST_MARGINS).map(({ what }) => what),
    seek(said, way) {
      const one = listed[way];
      if (!prompted && isIn(said.prompt, one)) return undefined;
      const isApart = !whole || beginsFree(said);
      const ids = said.language.encode(isApart ? one.text : ` ${one.text}`);
      return ids && { ids, from: 0, ...(whole ? { before: endsWords(said.language) } : {}) };
    },
    idle(language) {
      return listed.some(({ text }) => language.encode(text) !== undefined)
        ? undefined
        : `lists nothing that the vocabulary can write, as ${quoted(listed[0].text)}`;
    },
  };
}

/** Whether no letter stands beside a part of an answer, and it is not what the end cut off. */
function standsAlone(said: Said, from: number, to: number, ended: boolean): boolean {
  const { answer } = said;
  const before = [...answer.slice(Math.max(0, from - 2), from)].at(-1);
  const isFree = before === undefined ? beginsFree(said) : !isInWord(before);
  const [after] = answer.slice(to, to + 2);
  return isFree && (after === undefined ? ended : !isInWord(after));
}

const PROMPTED = {
  name: 'prompted',
  help: '1 counts what the prompt holds already as well',
  between: [0, 1] as const,
  whole: true,
};

export const words: RuleKind = {
  name: 'words',
  help: 'a word or phrase of a list, which the prompt does not hold itself',
  parameters: [
    { name: 'whole', help: '0 counts parts of words as well', between: [0, 1], whole: true },
    PROMPTED,
  ],
  words: {
    file: { help: 'the list, a word or phrase a line' },
    fold: {
      help: 'what does not matter: case unless told; none, or homoglyphs, letters that look alike',
      legal: FOLDS,
    },
  },
  text: 'a word or phrase, in place of a file',
  make({ values: { whole = 1, prompted = 0 }, words: { file, fold = 'case' }, text }) {
    const taken = new Map<string, number>();
    const listed = linesOf('words', file, text).map((line): Listed => {
      const name = slug(line.toLowerCase());
      const before = taken.get(name) ?? 0;
      taken.set(name, before + 1);
      return {
        text: line,
        what: before === 0 ? name : `${name}-${before + 1}`,
        pattern: patternOf(line, fold as Fold),
      };
    });
    return listingRule({
      listed,
      fold: fold as Fold,
      whole: whole === 1,
      prompted: prompted === 1,
      offence: ({ text: own }, found) =>
        own === found ? `says ${quoted(own)}` : `says ${quoted(found)}, which is ${quoted(own)} of the list`,
    });
  },
};

/** Characters of a secret below which much that is harmless would hold it. */
const SHORTEST_SECRET = 4;

export const canary: RuleKind = {
  name: 'canary',
  help: 'a private text of a file, letter by letter, which the prompt does not hold itself',
  parameters: [PROMPTED],
  words: {
    file: { help: 'the private texts, a line each; signatures and summaries tell their lines alone' },
  },
  text: 'a private text, in place of a file',
  make({ values: { prompted = 0 }, words: { file }, text }) {
    const secrets = linesOf('canary', file, text);
    const short = secrets.findIndex((secret) => secret.length < SHORTEST_SECRET);
    if (short >= 0)
      throw new UserError(
        `--objective: text:canary: private text ${short + 1} has fewer than ${SHORTEST_SECRET} characters: what is so short comes up by chance`,
      );
    const listed = secrets.map(
      (secret, i): Listed => ({ text: secret, what: String(i + 1), pattern: patternOf(secret, 'none') }),
    );
    return listingRule({
      listed,
      fold: 'none',
      whole: false,
      prompted: prompted === 1,
      isPrivate: true,
      offence: ({ what }) => `says private text ${what}`,
    });
  },
};
