import { ATTACKS } from '../attacks/registry.ts';
import type { CampaignConfig } from '../config/schema.ts';
import type { ConstraintLimits } from '../constraints/constraint-limits.ts';
import { UserError } from '../core/errors.ts';

/** How far any attack may be from its input: the limits of the threat model; none without one. */
export function threatLimits({
  threatModel,
  linf,
  l2,
  l0,
}: CampaignConfig): Pick<ConstraintLimits, 'linf' | 'l2' | 'l0'> | undefined {
  return threatModel === undefined ? undefined : { linf, l2, l0 };
}

/** Whether the threat model hides all but the outputs of the model. */
export function hidesWeights({ threatModel }: Pick<CampaignConfig, 'threatModel'>): boolean {
  return threatModel?.knows.model === 'outputs';
}

/**
 * Checks that a contest is what the threat model is about.
 *
 * @param attacks specs that were asked for; undefined for the default ones
 * @throws UserError where it is not
 */
export function checkThreatModel(
  { threatModel }: Pick<CampaignConfig, 'threatModel'>,
  attacks: readonly string[] | undefined,
): void {
  if (threatModel === undefined) return;
  const { goal, turn } = threatModel;
  if (goal.kind !== 'untargeted')
    throw new UserError(
      `threatModel.goal.kind: ${goal.kind} is not shown by a contest, which counts any wrong class: set it to untargeted`,
    );
  if (goal.confident !== undefined)
    throw new UserError(
      'threatModel.goal.confident is for other objectives: a contest has --threshold or --coverage, so leave it out',
    );
  const moving = attacks?.find((spec) => ATTACKS.resolveBuiltIn(spec).kind.name !== 'clean');
  if (turn === 'before' && (attacks === undefined || moving !== undefined))
    throw new UserError(
      `threatModel.turn: before allows no attack but the inputs as they are: set --attack clean${moving === undefined ? '' : `, without ${moving}`}`,
    );
}
