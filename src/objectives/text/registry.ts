import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { parseObjectiveSettings } from '../../extensions/parameters.ts';
import { echo, empty, long, short, utf8 } from './format-rules.ts';
import { json, mustMatch, regex } from './regex-rule.ts';
import { repeatedSpan, repeatedToken, repeatedWord } from './repetition-rules.ts';
import type { RuleKind, RuleSettings } from './rule.ts';
import { canary, words } from './word-rules.ts';

/** Every rule there is. */
export const RULES: readonly RuleKind[] = [
  words,
  repeatedWord,
  repeatedSpan,
  repeatedToken,
  regex,
  mustMatch,
  json,
  short,
  long,
  empty,
  utf8,
  echo,
  canary,
];

/** Rules that are asked for together where none is named: what no answer should do, whoever asks. */
export const DEFAULT_RULES = ['repeated-word', 'repeated-span', 'empty', 'utf8'] as const;

/** A rule that was asked for. */
export interface ParsedRule {
  readonly kind: RuleKind;
  readonly settings: RuleSettings;
  /** The user's own name for it; empty where there is none. */
  readonly name: string;
}

/**
 * Takes a rule such as `words,file=list.txt,fold=homoglyphs` or `regex,name=card,[0-9]{16}` apart.
 *
 * @throws UserError on an unknown rule, or settings that make no sense
 */
export function parseRule(text: string): ParsedRule {
  const [, name, rest] = /^([^,]*),?(.*)$/s.exec(text.trim()) as unknown as [string, string, string];
  const kind = RULES.find((candidate) => candidate.name === name.trim());
  if (kind === undefined) {
    const known = RULES.map((candidate) => candidate.name);
    throw new UserError(`--objective: text has no rule ${name}: ${suggestName(name, known)}`);
  }
  const { name: own, ...settings } = parseObjectiveSettings(
    `text:${kind.name}`,
    kind.parameters,
    rest,
    kind.text !== undefined,
    kind.words,
  );
  return { kind, settings, name: own };
}
