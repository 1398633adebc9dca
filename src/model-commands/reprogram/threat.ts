import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import type { ReprogramOptions } from './prepare.ts';

/**
 * Checks that one change for all inputs is what the threat model is about.
 *
 * @throws UserError where it is not
 */
export function checkThreatModel(
  { threatModel }: Pick<CampaignConfig, 'threatModel'>,
  options: Pick<ReprogramOptions, 'to' | 'task'>,
): void {
  if (threatModel === undefined) return;
  const { goal, may, plausible, limits, knows, queries, turn } = threatModel;
  const refuse = (setting: string, why: string): never => {
    throw new UserError(`threatModel.${setting}: ${why}`);
  };
  if (options.task !== undefined)
    refuse('goal', 'no goal of a threat model is another task: leave out --task or the threat model');
  if (options.to?.some(({ kind }) => kind === 'abstain'))
    refuse(
      'goal',
      'a change that makes the model unsure does not go with a threat model: name classes with --to',
    );
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
  for (const norm of ['l2', 'l0'] as const)
    if (limits[norm] !== undefined)
      refuse(
        `limits.${norm}`,
        'a change is trained within a limit of each value alone: set linf in its place',
      );
  if (limits.valid !== undefined) refuse('limits.valid', 'a change keeps to no condition: leave it out');
  if (queries.each !== undefined || queries.total !== undefined)
    refuse('queries', 'one change is for all inputs: leave them out, and set --queries');
}
