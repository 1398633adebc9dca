import { UserError } from '../../core/errors.ts';
import { quoteEscaped } from '../../core/escape-control.ts';
import { plural } from '../../core/format-number.ts';
import type { Parameter } from '../../extensions/parameters.ts';
import type { RuleKind } from './rule.ts';

const lengthParameter = (name: string, help: string): Parameter => ({
  name,
  help,
  min: 1,
  max: 1e7,
  integer: true,
});

const MIN_LENGTH = lengthParameter('least', 'minimum number of characters of an answer');
const MAX_LENGTH = lengthParameter('most', 'maximum number of characters of an answer');

export const short: RuleKind = {
  name: 'short',
  help: 'an answer with fewer characters than least=',
  parameters: [MIN_LENGTH],
  make(values) {
    const least = values(MIN_LENGTH);
    if (least === undefined)
      throw new UserError('--objective: text:short needs a bound: text:short,least=20');
    return {
      find: ({ answer }) =>
        answer.length < least
          ? { summary: `the answer has ${plural(answer.length, 'character')}, fewer than ${least}` }
          : undefined,
    };
  },
};

export const long: RuleKind = {
  name: 'long',
  help: 'an answer with more characters than most=',
  parameters: [MAX_LENGTH],
  make(values) {
    const most = values(MAX_LENGTH);
    if (most === undefined) throw new UserError('--objective: text:long needs a bound: text:long,most=200');
    return {
      find: ({ answer }) =>
        answer.length > most
          ? {
              from: most,
              to: answer.length,
              summary: `the answer has ${plural(answer.length, 'character')}, more than ${most}`,
            }
          : undefined,
    };
  },
};

export const empty: RuleKind = {
  name: 'empty',
  help: 'an empty or blank answer',
  parameters: [],
  make: () => ({
    find: ({ answer }) => (answer.trim() === '' ? { summary: 'the answer is empty' } : undefined),
  }),
};

export const utf8: RuleKind = {
  name: 'utf8',
  help: 'an answer that is not valid UTF-8',
  parameters: [],
  make: () => ({
    find({ answer, ended }) {
      const at = answer.search(/[\uFFFD\p{Cs}]/u);
      // At the token limit an answer may end within the bytes of a character.
      const isTruncated = at >= 0 && !ended && at >= answer.length - 1;
      return at < 0 || isTruncated
        ? undefined
        : { from: at, to: at + 1, summary: `the answer is not valid UTF-8 at character ${at}` };
    },
  }),
};

/** Shorter prompts are repeated by chance. */
const MIN_PROMPT_LENGTH = 8;

const ECHO_LENGTH = {
  name: 'least',
  default: 32,
  help: 'minimum length of a repeated piece, unless it is the whole prompt',
  min: MIN_PROMPT_LENGTH,
  max: 1e6,
  integer: true,
} as const;

export const echo: RuleKind = {
  name: 'echo',
  help: 'an answer that repeats the prompt, or a long piece of it',
  parameters: [ECHO_LENGTH],
  make: (values) => ({
    find({ prompt, answer }) {
      const text = prompt.trim();
      if (text.length < MIN_PROMPT_LENGTH) return undefined;
      const minLength = Math.min(text.length, values(ECHO_LENGTH));
      for (let at = 0; at + minLength <= text.length; at++) {
        const from = answer.indexOf(text.slice(at, at + minLength));
        if (from < 0) continue;
        let length = minLength;
        while (at + length < text.length && text[at + length] === answer[from + length]) length++;
        return {
          from,
          to: from + length,
          summary: `the answer repeats ${plural(length, 'character')} of the prompt: ${quoteEscaped(answer.slice(from, from + length))}`,
        };
      }
      return undefined;
    },
  }),
};
