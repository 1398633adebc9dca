import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';

/**
 * Checks that one change for all inputs is what the threat model is about.
 *
 * @throws UserError where it is not
 */
export function checkThreatModel({ threatModel }: Pick<CampaignConfig, 'threatModel'>): void {
  if (threatModel === undefined) return;
  const { goal, may, plausible, limits, knows, queries, turn } = threatModel;
  const refuse = (setting: string, why: string): never => {
    throw new UserError(`threatModel.${setting}: ${why}`);
  };
  if (goal.kind !== 'untargeted' || goal.confident !== undefined)
    refuse('goal', 'set it to { kind: untargeted }, and name the classes with --to');
  if (turn === 'before') refuse('turn', 'a change is searched for: set it to after');
  if (may === 'content-preserving')
    refuse('may', 'one change for all inputs does not keep what each of them means: set indistinguishable');
  if (knows.model === 'nothing')
    refuse('knows.model', 'the change is trained on the model itself: set outputs');
  if (knows.outputs !== 'scores')
    refuse('knows.outputs', 'the change is trained on all scores: leave it out');
  if (plausible !== undefined) refuse('plausible', 'a change is trained without it: leave it out');
  if (limits.valid !== undefined) refuse('limits.valid', 'a change keeps to no condition: leave it out');
  if (queries.each !== undefined || queries.total !== undefined)
    refuse('queries', 'one change is for all inputs: leave them out, and set --queries');
}
