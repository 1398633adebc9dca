import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { parseObjectiveSettings } from '../../extensions/parameters.ts';
import { echo, empty, long, short, utf8 } from './format-rules.ts';
import { json, mustMatch, regex } from './regex-rule.ts';
import { repeatedSpan, repeatedToken, repeatedWord } from './repetition-rules.ts';
import type { RuleKind, RuleSettings } from './rule.ts';
import { canary, words } from './word-rules.ts';

/** All rules, in the order in which help lists them. */
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

/** Rules that a spec without a rule stands for: no answer should break them, whatever the prompt. */
export const DEFAULT_RULES = ['repeated-word', 'repeated-span', 'empty', 'utf8'] as const;

/** A parsed rule spec. */
export interface ParsedRule {
  readonly kind: RuleKind;
  readonly settings: RuleSettings;
  /** Name given by `name=`; empty if there is none. */
  readonly name: string;
}

/**
 * Parses a rule spec such as `words,file=list.txt,fold=homoglyphs` or `regex,name=card,[0-9]{16}`.
 *
 * @throws UserError on an unknown rule or invalid settings
 */
export function parseRule(text: string): ParsedRule {
  const [, name = '', rest = ''] = /^([^,]*),?(.*)$/s.exec(text.trim()) ?? [];
  const kind = RULES.find((candidate) => candidate.name === name.trim());
  if (kind === undefined) {
    const known = RULES.map((candidate) => candidate.name);
    throw new UserError(`--objective: text has no rule ${name}: ${suggestName(name, known)}`);
  }
  const { name: instance, ...settings } = parseObjectiveSettings(
    `text:${kind.name}`,
    kind.parameters,
    rest,
    kind.text !== undefined,
    kind.words,
  );
  return { kind, settings, name: instance };
}
