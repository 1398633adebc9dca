import { Registry, type ResolvedExtension } from '../../extensions/registry.ts';
import { echo, empty, long, short, utf8 } from './format-rules.ts';
import { json, mustMatch, regex } from './regex-rule.ts';
import { repeatedSpan, repeatedToken, repeatedWord } from './repetition-rules.ts';
import type { RuleKind } from './rule.ts';
import { canary, words } from './word-rules.ts';

/** The rules of text objectives, in the order in which help lists them. */
export const RULES = new Registry<RuleKind>({
  flag: '--objective',
  noun: 'rule',
  kinds: [
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
  ],
  takesName: true,
  prefix: 'text:',
  describeUnknown: (name) => `text has no rule ${name}`,
});

/** Rules that a spec without a rule stands for: no answer should break them, whatever the prompt. */
export const DEFAULT_RULES = ['repeated-word', 'repeated-span', 'empty', 'utf8'] as const;

/**
 * Parses a rule spec such as `words,file=list.txt,fold=homoglyphs` or `regex,name=card,[0-9]{16}`.
 *
 * @throws UserError on an unknown rule or invalid settings
 */
export function parseRule(text: string): ResolvedExtension<RuleKind> {
  const comma = text.indexOf(',');
  const [name, settings] = comma < 0 ? [text, ''] : [text.slice(0, comma), text.slice(comma + 1)];
  return RULES.configure(name.trim(), settings);
}
