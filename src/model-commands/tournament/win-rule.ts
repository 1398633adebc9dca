import { UserError } from '../../core/errors.ts';
import { makeBuiltIn } from '../../objectives/registry.ts';
import type { Answers } from '../../tournament/answers.ts';

/** When a model wins a game. */
export type WinRule =
  | { readonly kind: 'correct'; readonly leastShare: number }
  | { readonly kind: 'agrees'; readonly model: string }
  | { readonly kind: 'assert'; readonly objective: string };

/**
 * Parses `--win`.
 *
 * @throws UserError on another rule
 */
export function parseWinRule(text: string): WinRule {
  if (text === 'correct') return { kind: 'correct', leastShare: 0 };
  if (/^assert:/.test(text)) {
    checkAssertion(text);
    return { kind: 'assert', objective: text };
  }
  const [, rule, value = ''] = /^(confident|agrees)=(.+)$/s.exec(text) ?? [];
  if (rule === 'agrees') return { kind: 'agrees', model: value };
  const share = Number(value);
  if (rule === 'confident' && share > 0 && share <= 1) return { kind: 'correct', leastShare: share };
  throw new UserError(
    `--win must be correct, confident=0.8 with a share above 0 and at most 1, agrees=<model> or assert:<expression>, not ${text}`,
  );
}

/** @throws UserError where the expression can't be read */
function checkAssertion(spec: string): void {
  try {
    makeBuiltIn(spec);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message.replace(/^--objective: /, '--win: '));
  }
}

/**
 * Of each testcase, 1 where the model wins and 0 where not.
 *
 * @param labels classes that are right: of the seeds, or of the model that is to be agreed with
 */
export function winsOf(
  rule: WinRule,
  { classes, shares, holds }: Answers,
  labels: ArrayLike<number>,
): number[] {
  if (rule.kind === 'assert') return Array.from(holds);
  const least = rule.kind === 'correct' ? rule.leastShare : 0;
  return Array.from(classes, (answer, i) =>
    answer >= 0 && answer === labels[i] && shares[i] >= least ? 1 : 0,
  );
}
