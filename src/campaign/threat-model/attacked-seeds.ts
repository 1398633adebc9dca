import type { ThreatModel } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { Notices } from '../resolve/model-settings.ts';

/**
 * The seeds that the attacker of a threat model may begin with: those of the classes in `from`, and of a class that is not the
 * only one in `to`.
 *
 * @param labels the class of each seed; undefined without `--labels`
 * @param goal undefined without a threat model
 * @throws UserError where classes are named and seeds have no labels, or no seed is left
 */
export function attackedSeeds(
  seeds: Seeds,
  labels: ReadonlyMap<Seeds[number], number> | undefined,
  goal: Pick<ThreatModel['goal'], 'from' | 'to'> | undefined,
  notices: Notices,
): Seeds {
  if (goal === undefined) return seeds;
  const { from, to } = goal;
  if (labels === undefined) {
    if (from === 'any') return seeds;
    throw new UserError(
      'threatModel.goal.from needs the class of each seed: set labels to labels.npy or folders, or from to any',
    );
  }
  const isAttacked = (label: number | undefined): boolean =>
    (from === 'any' || (label !== undefined && from.includes(label))) &&
    (to === undefined || to.some((target) => target !== label));
  const kept = seeds.filter((seed) => isAttacked(labels.get(seed)));
  if (kept.length === 0)
    throw new UserError(
      `threatModel.goal: no seed is of a class to start from (${from === 'any' ? `any but ${to?.join(', ')}` : from.join(', ')}): give seeds of these classes, or change from`,
    );
  if (kept.length < seeds.length)
    notices.info(
      `threat model: ${kept.length} of ${seeds.length} seeds are of classes that the attacker starts from`,
    );
  return kept;
}
