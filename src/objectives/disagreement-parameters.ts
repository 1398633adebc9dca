import type { Parameter, ParameterValues } from '../extensions/parameters.ts';
import type { DisagreementRules } from './output-pair.ts';

const TOP = {
  name: 'top',
  help: "the reference class must be in the second model's top N",
  min: 1,
  max: 1e6,
  integer: true,
} as const;

const ATOL = {
  name: 'atol',
  help: 'maximum absolute difference; a value violates above atol + rtol·|reference|',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const RTOL = {
  name: 'rtol',
  help: 'maximum relative difference, added to atol',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const COSINE = {
  name: 'cosine',
  help: 'minimum cosine similarity of the two outputs',
  min: -1,
  max: 1,
} as const;

const KL = {
  name: 'kl',
  help: "maximum KL divergence of the second model's softmax from the reference's, in nats",
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const CONFIDENT = {
  name: 'confident',
  default: 0,
  help: 'minimum class gap in both models, in logits, that counts as a violation',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

/** What outputs are compared as, beside the parameters. */
export const DISAGREEMENT_WORDS = {
  by: {
    help: 'task that the outputs are compared as: boxes, masks, ranking, regression or tokens; settings follow after colons, as in by=boxes:iou=0.6:score=0.3',
  },
} as const;

/** Tolerances of two models that should agree: shared by all objectives that compare outputs. */
export const DISAGREEMENT_PARAMETERS: readonly Parameter[] = [TOP, ATOL, RTOL, COSINE, KL, CONFIDENT];

/**
 * The rules that `DISAGREEMENT_PARAMETERS` set. If none is set, the predicted class must be the same, unless a comparator judges.
 *
 * @param tellsTies whether disagreements within the models' noise are told apart
 * @param hasComparator whether `by` names what the outputs are compared as
 */
export function disagreementRules(
  values: ParameterValues,
  tellsTies: boolean,
  hasComparator: boolean,
): DisagreementRules {
  const [top, atol, rtol, cosine, kl] = [values(TOP), values(ATOL), values(RTOL), values(COSINE), values(KL)];
  const hasTolerance = atol !== undefined || rtol !== undefined;
  const isPlain =
    !hasComparator && top === undefined && !hasTolerance && cosine === undefined && kl === undefined;
  return {
    top: isPlain ? 1 : top,
    atol: hasTolerance ? (atol ?? 0) : undefined,
    rtol: rtol ?? 0,
    cosine,
    kl,
    confident: values(CONFIDENT),
    tellsTies,
  };
}
