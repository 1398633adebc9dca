import { resolve } from 'node:path';
import type { CampaignConfig } from '../../config/schema.ts';
import { formatNumber } from '../../core/format-number.ts';
import type { ResolvedInputs } from '../resolve/inputs.ts';

/** Largest change of a pixel, as a share of the span, that benchmarks call invisible: 8 levels of 255. */
const INVISIBLE_SHARE = 8 / 255;

/** Settings that begin a search or bound it. */
const SEARCH_SETTINGS = ['execs', 'time', 'untilFinding', 'minExecs'] as const;

/** What is known of a campaign's inputs once its model is loaded. */
type CheckedInputs = Pick<ResolvedInputs, 'descriptors' | 'mutators' | 'imageFormats'>;

/**
 * Where a threat model does not describe a plausible attacker: one line each. They never refuse a campaign.
 *
 * @param inputs undefined where the model is not loaded
 */
export function threatWarnings(config: CampaignConfig, inputs: CheckedInputs | undefined): string[] {
  const { threatModel, linf, l2, l0, labels } = config;
  if (threatModel === undefined) return [];
  const { goal, starts, may, knows, queries, turn, population } = threatModel;
  const norm = Object.entries({ linf, l2, l0 }).find(([, limit]) => limit !== undefined)?.[0];
  const warnings: string[] = [];
  if (norm !== undefined && starts === 'own')
    warnings.push(
      `starts: own with a limit on ${norm}: an attacker who makes the input has no reason to stay near a seed`,
    );
  if (norm !== undefined && labels === undefined && (goal.kind === 'untargeted' || goal.kind === 'targeted'))
    warnings.push(
      `a limit on ${norm} without labels: there is no error rate on unchanged inputs to compare with; set labels`,
    );
  if (
    may === 'unconstrained' &&
    (goal.kind === 'untargeted' || goal.kind === 'targeted') &&
    labels !== undefined &&
    norm === undefined
  )
    warnings.push(
      'may: unconstrained with labels: an input may come to show another class than its seed, and an answer that differs need not be wrong',
    );
  if (knows.model === 'nothing' && Object.values(queries).some((limit) => limit !== undefined))
    warnings.push(
      'queries with knows.model: nothing: they are counted for inputs that are submitted, and an attacker who may try so often sees outputs; set knows.model: outputs',
    );
  if (knows.surrogate !== undefined && resolve(knows.surrogate) === resolve(config.model ?? ''))
    warnings.push(
      'knows.surrogate is the model itself: all that is found there holds; name a model that an attacker could have',
    );
  if (!knows.defence && turn === 'after')
    warnings.push(
      'knows.defence is false: results hold only as long as nobody learns how the model is defended',
    );
  if (population?.share === 0)
    warnings.push('population.share is 0: nobody attacks, and only ordinary errors count');
  const search = SEARCH_SETTINGS.filter((name) => config[name] !== undefined && config[name] !== false);
  if (turn === 'before' && search.length > 0)
    warnings.push(`turn: before with ${search.join(', ')}: there is no search, so they have no effect`);
  if (inputs !== undefined) warnings.push(...visibilityWarnings(config, inputs));
  return warnings.map((text) => `threat model: ${text}`);
}

/** Pictures in which a change that is meant to be indistinguishable is visible: one line each. */
function visibilityWarnings(
  { threatModel, linf }: Pick<CampaignConfig, 'threatModel' | 'linf'>,
  { descriptors, mutators, imageFormats }: CheckedInputs,
): string[] {
  if (threatModel?.may !== 'indistinguishable' || linf === undefined) return [];
  return descriptors.flatMap(({ name, range }, i) => {
    const limit = INVISIBLE_SHARE * (range.high - range.low);
    if (imageFormats[i] === undefined || mutators[i].length === 0 || linf <= limit * (1 + 1e-6)) return [];
    return [
      `may: indistinguishable with linf ${linf} on the picture ${name}: changes beyond ${formatNumber(limit, 3)}, 8/255 of its span, are visible`,
    ];
  });
}
