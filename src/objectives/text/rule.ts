import type { ParameterValues } from '../../extensions/parameters.ts';
import type { ExtensionKind } from '../../extensions/registry.ts';
import type { SettingsContext } from '../../extensions/settings.ts';
import type { Completion } from '../../model/language/completion.ts';
import type { CandidateContinuation } from '../../model/language/prefilled-prompts.ts';
import type { Tokenizer } from '../../model/language/tokenizer.ts';

/** A violation of a rule by an answer. */
export interface RuleViolation {
  /** Suffix of the signature, for rules that can be broken in several ways: a listed word, for example. */
  readonly variant?: string;
  /** Violating span of the answer, `[from, to)` in UTF-16 units; the whole answer if absent. */
  readonly from?: number;
  readonly to?: number;
  /** One line, in which untrusted text is escaped by `quoteEscaped`. */
  readonly summary: string;
  /** Whether summaries must not quote the answer, because it contains private text. */
  readonly isPrivate?: boolean;
}

/** A rule that answers must follow. */
export interface Rule {
  /** Finds the first violation in an answer. */
  find(completion: Completion): RuleViolation | undefined;
  /** Values of `RuleViolation.variant` that the search can be directed at; `''` is a violation without a variant. */
  readonly variants?: readonly string[];
  /**
   * Continuation of the prompt that would break the rule; its likelihood directs the search.
   *
   * @param variantIndex index in `variants`
   * @returns undefined if no continuation of this prompt would
   */
  candidateFor?(completion: Completion, variantIndex: number): CandidateContinuation | undefined;
  /** Whether `candidateFor` depends on the generated answer, not on the prompt alone. */
  readonly needsAnswer?: boolean;
  /** Reason why no answer in this vocabulary can break the rule, as a clause for messages; undefined if one can. */
  unbreakableReason?(tokenizer: Tokenizer): string | undefined;
}

/** Settings of a rule beside its parameters. */
export type RuleContext = Omit<SettingsContext, 'name'>;

/** A kind of rule. */
export interface RuleKind extends ExtensionKind<Rule, RuleContext> {
  /** @throws UserError on invalid settings */
  make(values: ParameterValues, context: RuleContext): Rule;
}

/** A run of letters and digits, with apostrophes and hyphens inside. */
const WORD_PATTERN = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu;

const WORD_CHARACTER = /[\p{L}\p{M}\p{N}]/u;

/** Whether a character is a letter, a combining mark or a digit. */
export function isInWord(character: string): boolean {
  return WORD_CHARACTER.test(character);
}

/** Whether the prompt ends outside a word, so that the answer starts at a word boundary. */
export function startsAtWordBoundary({ prompt }: Completion): boolean {
  const last = [...prompt.slice(-2)].at(-1);
  return last === undefined || !isInWord(last);
}

/**
 * Words of an answer without a first one that continues the prompt's last word, or a last one cut off by the token
 * limit.
 */
export function wholeWordsOf(
  completion: Completion,
): { readonly word: string; readonly from: number; readonly to: number }[] {
  const { answer, ended } = completion;
  const startsFresh = startsAtWordBoundary(completion);
  return [...answer.matchAll(WORD_PATTERN)]
    .map(({ 0: word, index }) => ({ word, from: index, to: index + word.length }))
    .filter(({ from, to }) => (from > 0 || startsFresh) && (to < answer.length || ended));
}

/**
 * Returns a test of whether a token ends the word before it, since it starts with no word character. Cached by
 * tokenizer.
 */
export function wordEndTest(tokenizer: Tokenizer): (id: number) => boolean {
  const cached = WORD_END_TESTS.get(tokenizer);
  if (cached !== undefined) return cached;
  const boundaryTokens = new Set(
    tokenizer.tokens.flatMap((token, id) =>
      token === null || token === '' || !isInWord([...token][0]) ? [id] : [],
    ),
  );
  const endsWord = (id: number): boolean => boundaryTokens.has(id);
  WORD_END_TESTS.set(tokenizer, endsWord);
  return endsWord;
}

const WORD_END_TESTS = new WeakMap<Tokenizer, (id: number) => boolean>();
