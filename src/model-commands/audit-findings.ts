import type { AttackedInput, AttackOutcome } from '../attacks/attack.ts';
import type { AuditAttack } from '../audit/checks.ts';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../config/schema.ts';
import type { OnProgress } from '../core/progress.ts';
import { NO_ANSWER } from '../objectives/class-answer.ts';
import type { AnswerRule } from '../objectives/confident-error.ts';
import type { ModelSession } from '../workers/model-session.ts';
import { recordMistakes } from './contest-findings.ts';

/** What the attacks within the limit left. */
export interface BrokenInputs {
  readonly outcomes: readonly (readonly [AuditAttack, readonly AttackOutcome[]])[];
  readonly inputs: readonly AttackedInput[];
  readonly rule: AnswerRule;
  /** Name of the attacked input. */
  readonly input: string;
}

/**
 * Writes a campaign's folder with a finding for each input that is broken, by the first attack that breaks it; its signature is
 * `defence-<attack>`.
 *
 * @returns the number of findings that were confirmed, and how they obey the threat model, if there is one
 */
export function recordBroken(
  session: ModelSession,
  settings: { readonly config: CampaignConfig; readonly overwrite: boolean },
  { outcomes, inputs, rule, input }: BrokenInputs,
  notices: Notices,
  onProgress: OnProgress,
): ReturnType<typeof recordMistakes> {
  const unbroken = inputs.map(({ data }) => ({ data, answer: NO_ANSWER, queries: 0 }));
  const firsts = inputs.map((_, i) => outcomes.findIndex(([, found]) => found[i].answer.isWrong));
  const results = outcomes.map(([name, found], n) => ({
    attack: { spec: name, name },
    outcomes: found.map((outcome, i) => (firsts[i] === n ? outcome : unbroken[i])),
  }));
  const breaking = results.filter((_, n) => firsts.includes(n));
  const config = { ...settings.config, against: undefined, againstRuntime: undefined, quantize: undefined };
  return recordMistakes(
    session,
    { ...settings, config },
    {
      // A campaign has an objective also where nothing violates it.
      results:
        breaking.length === 0 ? [{ attack: { spec: 'clean', name: 'clean' }, outcomes: unbroken }] : breaking,
      inputs,
      threshold: Number.NEGATIVE_INFINITY,
      rule,
      input,
      specOf: (name) => `defence:name=${name}`,
    },
    notices,
    onProgress,
  );
}
