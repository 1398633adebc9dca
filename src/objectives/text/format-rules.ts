import { UserError } from '../../core/errors.ts';
import { quoteEscaped } from '../../core/escape-control.ts';
import type { RuleKind } from './rule.ts';

const lengthParameter = (name: string, help: string) => ({
  name,
  help,
  between: [1, 1e7] as const,
  whole: true,
});

export const short: RuleKind = {
  name: 'short',
  help: 'an answer of fewer characters than least=',
  parameters: [lengthParameter('least', 'characters that an answer has at least')],
  make({ values: { least } }) {
    if (least === undefined)
      throw new UserError('--objective: text:short needs a bound: text:short,least=20');
    return {
      find: ({ answer }) =>
        answer.length < least
          ? { summary: `answers ${answer.length} characters, fewer than ${least}` }
          : undefined,
    };
  },
};

export const long: RuleKind = {
  name: 'long',
  help: 'an answer of more characters than most=',
  parameters: [lengthParameter('most', 'characters that an answer has at most')],
  make({ values: { most } }) {
    if (most === undefined) throw new UserError('--objective: text:long needs a bound: text:long,most=200');
    return {
      find: ({ answer }) =>
        answer.length > most
          ? {
              from: most,
              to: answer.length,
              summary: `answers ${answer.length} characters, more than ${most}`,
            }
          : undefined,
    };
  },
};

export const empty: RuleKind = {
  name: 'empty',
  help: 'an answer of nothing but white space',
  parameters: [],
  make: () => ({
    find: ({ answer }) => (answer.trim() === '' ? { summary: 'answers nothing' } : undefined),
  }),
};

export const utf8: RuleKind = {
  name: 'utf8',
  help: 'an answer whose bytes are no UTF-8',
  parameters: [],
  make: () => ({
    find({ answer, ended }) {
      const at = answer.search(/[\uFFFD\p{Cs}]/u);
      // At the token limit an answer may end within the bytes of a character.
      const isTruncated = at >= 0 && !ended && at >= answer.length - 1;
      return at < 0 || isTruncated
        ? undefined
        : { from: at, to: at + 1, summary: `answers what is no UTF-8 at character ${at}` };
    },
  }),
};

/** Default number of characters of the prompt whose repetition counts. */
const DEFAULT_ECHO_LENGTH = 32;

/** Shorter prompts are repeated by chance. */
const MIN_PROMPT_LENGTH = 8;

export const echo: RuleKind = {
  name: 'echo',
  help: 'the prompt said back, or a long piece of it',
  parameters: [
    {
      name: 'least',
      help: `characters of a piece that counts, or the whole prompt; ${DEFAULT_ECHO_LENGTH} unless told`,
      between: [MIN_PROMPT_LENGTH, 1e6],
      integer: true,
    },
  ],
  make: ({ values: { least = DEFAULT_ECHO_LENGTH } }) => ({
    find({ prompt, answer }) {
      const text = prompt.trim();
      if (text.length < MIN_PROMPT_LENGTH) return undefined;
      const minLength = Math.min(text.length, least);
      for (let at = 0; at + minLength <= text.length; at++) {
        const from = answer.indexOf(text.slice(at, at + minLength));
        if (from < 0) continue;
        let length = minLength;
        while (at + length < text.length && text[at + length] === answer[from + length]) length++;
        return {
          from,
          to: from + length,
          summary: `says ${length} characters of the prompt back: ${quoteEscaped(answer.slice(from, from + length))}`,
        };
      }
      return undefined;
    },
  }),
};
