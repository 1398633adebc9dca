import { errorMessage, UserError } from '../../core/errors.ts';
import { quoteEscaped } from '../../core/escape-control.ts';
import { callWithTimeout } from '../../extensions/plugin-loader.ts';
import type { Rule, RuleKind } from './rule.ts';

/** Time limit in ms for matching one answer: expressions that backtrack exponentially would run for ever. */
const MATCH_TIMEOUT_MS = 1000;

const FLAGS = { help: 'flags of the expression, some of i, m and s' };

/** @throws UserError on an invalid regular expression */
function compileExpression(rule: string, text: string, flags = ''): RegExp {
  if (text === '')
    throw new UserError(
      `--objective: text:${rule} needs a regular expression after its settings: 'text:${rule},[0-9]{16}'`,
    );
  if (!/^[ims]*$/.test(flags))
    throw new UserError(`--objective: text:${rule}: flags must be some of i, m and s, not '${flags}'`);
  try {
    return new RegExp(text, `u${flags}`);
  } catch (error) {
    throw new UserError(`--objective: text:${rule}: ${errorMessage(error)}: fix the regular expression`);
  }
}

/** @throws PluginError if matching takes longer than the time limit */
function matchWithinLimit(expression: RegExp, text: string): RegExpExecArray | null {
  return callWithTimeout(
    `text: the regular expression ${quoteEscaped(expression.source)}`,
    () => expression.exec(text),
    MATCH_TIMEOUT_MS,
  );
}

export const regex: RuleKind = {
  name: 'regex',
  help: 'an answer that a JavaScript regular expression matches',
  parameters: [],
  words: { flags: FLAGS },
  text: 'the regular expression',
  make(_values, { words: { flags }, text }): Rule {
    const expression = compileExpression('regex', text, flags);
    return {
      find({ answer }) {
        const match = matchWithinLimit(expression, answer);
        return match === null
          ? undefined
          : {
              from: match.index,
              to: match.index + match[0].length,
              summary: `the answer contains ${quoteEscaped(match[0])}, which matches the expression`,
            };
      },
    };
  },
};

export const mustMatch: RuleKind = {
  name: 'must-match',
  help: 'an answer that a regular expression does not match',
  parameters: [],
  words: { flags: FLAGS },
  text: 'the regular expression',
  make(_values, { words: { flags }, text }): Rule {
    const expression = compileExpression('must-match', text, flags);
    return {
      find: ({ answer }) =>
        matchWithinLimit(expression, answer) === null
          ? { summary: 'the answer does not match the expression' }
          : undefined,
    };
  },
};

export const json: RuleKind = {
  name: 'json',
  help: 'an answer that is not valid JSON',
  parameters: [],
  make: () => ({
    find({ answer }) {
      try {
        JSON.parse(answer);
        return undefined;
      } catch (error) {
        // Only the position is taken from the message: the rest quotes the answer, which is untrusted.
        const [, position] = /position (\d+)/.exec(errorMessage(error)) ?? [];
        const at = position === undefined ? '' : ` at character ${position}`;
        return {
          ...(position === undefined
            ? {}
            : { from: Number(position), to: Math.min(answer.length, Number(position) + 1) }),
          summary: `the answer is not valid JSON${at}`,
        };
      }
    },
  }),
};
