import type { ObjectiveParameter, ObjectiveValues } from '../../extensions/parameters.ts';
import type { Completion } from '../../model/language/completion.ts';
import type { CandidateContinuation } from '../../model/language/prefilled-prompts.ts';
import type { Tokenizer } from '../../model/language/tokenizer.ts';

/** Where an answer breaks a rule. */
export interface RuleViolation {
  /** What of the rule it breaks, where that may be several things: the signature ends in it. */
  readonly variant?: string;
  /** The characters of the answer that do, `[from, to)`; the whole answer where both are absent. */
  readonly from?: number;
  readonly to?: number;
  /** One line for people; texts of strangers in it are made `visible`. */
  readonly summary: string;
  /** Whether the answer must not be shown in passing, since what it says is private. */
  readonly isPrivate?: boolean;
}

/** A rule that answers must keep to. */
export interface Rule {
  /** The first offence of an answer; undefined where there is none. */
  find(said: Completion): RuleViolation | undefined;
  /** What of the rule may be broken and can be sought for, as `Offence.what` says it; `''` stands for the rule itself. */
  readonly variants?: readonly string[];
  /** What the model would have to go on with after the prompt for a way to be broken; undefined where nothing would do. */
  candidateFor?(said: Completion, way: number): CandidateContinuation | undefined;
  /** Whether what is sought hangs on the answer, and not on the prompt alone. */
  readonly needsAnswer?: boolean;
  /** Why no answer can break it, a clause for people; undefined where one can. */
  unbreakableReason?(language: Tokenizer): string | undefined;
}

/** What a rule is made from. */
export interface RuleSettings {
  readonly values: ObjectiveValues;
  /** Words of the settings that are no numbers, by name. */
  readonly words: Readonly<Partial<Record<string, string>>>;
  /** What stands behind the settings. */
  readonly text: string;
}

/** A kind of rule. */
export interface RuleKind {
  readonly name: string;
  readonly help: string;
  readonly parameters: readonly ObjectiveParameter[];
  /** Settings that are words, with the ones that are legal; none where any are. */
  readonly words?: Readonly<Record<string, { readonly help: string; readonly legal?: readonly string[] }>>;
  /** What the text behind the settings is, for kinds that take one. */
  readonly text?: string;
  /** @throws UserError where the settings make no sense */
  make(settings: RuleSettings): Rule;
}

/** A run of letters and digits, with apostrophes and hyphens within. */
export const WORD_PATTERN = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu;

const WORD_CHARACTER = /[\p{L}\p{M}\p{N}]/u;

/** Whether a character belongs to a word. */
export function isInWord(character: string): boolean {
  return WORD_CHARACTER.test(character);
}

/** Whether what stands before an answer leaves its first character the beginning of a word. */
export function startsAtWordBoundary({ prompt }: Completion): boolean {
  const last = [...prompt.slice(-2)].at(-1);
  return last === undefined || !isInWord(last);
}

/** Whole words of an answer: not those that the prompt begins, or that the end cuts off. */
export function wholeWordsOf(
  said: Completion,
): { readonly word: string; readonly from: number; readonly to: number }[] {
  const { answer, ended } = said;
  const free = startsAtWordBoundary(said);
  return [...answer.matchAll(WORD_PATTERN)]
    .map(({ 0: word, index }) => ({ word, from: index, to: index + word.length }))
    .filter(({ from, to }) => (from > 0 || free) && (to < answer.length || ended));
}

/** Whether a token's text begins with what is no part of a word, so that a word before it ends there. */
export function wordEndTest(language: Tokenizer): (id: number) => boolean {
  const known = WORD_END_TESTS.get(language);
  if (known !== undefined) return known;
  const free = new Set(
    language.tokens.flatMap((token, id) =>
      token === null || token === '' || !isInWord([...token][0]) ? [id] : [],
    ),
  );
  const ends = (id: number): boolean => free.has(id);
  WORD_END_TESTS.set(language, ends);
  return ends;
}

const WORD_END_TESTS = new WeakMap<Tokenizer, (id: number) => boolean>();
