import type { AttackContext } from '../attacks/attack.ts';
import { ATTACKS } from '../attacks/registry.ts';
import type { CampaignConfig } from '../config/schema.ts';
import type { ConstraintLimits } from '../constraints/constraint-limits.ts';
import { UserError } from '../core/errors.ts';
import { GRADIENT_QUERIES } from '../fuzzer/seeds/query-budget.ts';

/** How far any attack may be from its input: the limits of the threat model; none without one. */
export function threatLimits({
  threatModel,
  linf,
  l2,
  l0,
  valid,
}: CampaignConfig): Pick<ConstraintLimits, 'linf' | 'l2' | 'l0' | 'valid'> | undefined {
  return threatModel === undefined ? undefined : { linf, l2, l0, valid };
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
  const { goal, may, limits, knows, plausible, queries, turn } = threatModel;
  if (goal.kind !== 'untargeted')
    throw new UserError(
      `threatModel.goal.kind: ${goal.kind} is not shown by a contest, which counts any wrong class: set it to untargeted`,
    );
  if (goal.confident !== undefined)
    throw new UserError(
      'threatModel.goal.confident is for other objectives: a contest has --threshold or --coverage, so leave it out',
    );
  if (knows.outputs !== 'scores')
    throw new UserError(
      `threatModel.knows.outputs: ${knows.outputs} hides scores that a contest orders answers by: use fuzz, or leave it out`,
    );
  if (knows.model === 'nothing')
    throw new UserError(
      'threatModel.knows.model: nothing: the attacks of a contest run on the model itself: use fuzz, or set it to outputs',
    );
  if (plausible !== undefined)
    throw new UserError(
      'threatModel.plausible: the attacks of a contest do not ask whether inputs are plausible: use fuzz, or leave it out',
    );
  if (
    may === 'content-preserving' &&
    ![limits.linf, limits.l2, limits.l0, limits.valid].some((limit) => limit !== undefined)
  )
    throw new UserError(
      'threatModel.may: content-preserving allows mild changes alone where nothing is limited, and attacks of a contest are not: set linf, l2, l0 or valid in threatModel.limits',
    );
  if (queries.total !== undefined)
    throw new UserError(
      'threatModel.queries.total: a contest counts the queries of each input alone: set threatModel.queries.each',
    );
  const moving = attacks?.find((spec) => ATTACKS.resolveBuiltIn(spec).kind.name !== 'clean');
  if (turn === 'before' && (attacks === undefined || moving !== undefined))
    throw new UserError(
      `threatModel.turn: before allows no attack but the inputs as they are: set --attack clean${moving === undefined ? '' : `, without ${moving}`}`,
    );
}

/**
 * The attacks that the budget of queries for one input allows.
 *
 * @param specs of attacks
 * @param areAsked whether they were asked for: one that takes more is refused then, else left out
 * @throws UserError naming an attack that takes more
 */
export function affordableAttacks(
  specs: readonly string[],
  areAsked: boolean,
  { threatModel }: Pick<CampaignConfig, 'threatModel'>,
  context: Pick<AttackContext, 'descriptor' | 'queries'>,
): readonly string[] {
  const each = threatModel?.queries.each;
  if (each === undefined) return specs;
  return specs.filter((spec) => {
    const { kind, values } = ATTACKS.resolveBuiltIn(spec);
    const runs = kind.maxQueries(context, values);
    const cost = kind.needsGradient === true ? runs * GRADIENT_QUERIES : runs;
    const isAffordable = cost <= each && kind.isCampaign !== true;
    if (!isAffordable && areAsked)
      throw new UserError(
        `--attack: ${spec} takes ${kind.isCampaign === true ? 'queries that are not counted for each input' : `up to ${cost} queries for one input`}, and threatModel.queries.each is ${each}: leave it out`,
      );
    return isAffordable;
  });
}
