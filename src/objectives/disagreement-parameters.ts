import type { Parameter, ParameterValues } from '../extensions/parameters.ts';
import type { DisagreementRules } from './output-pair.ts';

const TOP = {
  name: 'top',
  help: "another class: the reference's is not among so many of the copy's best",
  min: 1,
  max: 1e6,
  integer: true,
} as const;

const ATOL = {
  name: 'atol',
  help: 'a difference above atol + rtol·|reference| at any value',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const RTOL = {
  name: 'rtol',
  help: 'the relative part of that',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const COSINE = {
  name: 'cosine',
  help: 'the least cosine of the angle between the two outputs',
  min: -1,
  max: 1,
} as const;

const KL = {
  name: 'kl',
  help: "the greatest Kullback-Leibler divergence of the copy's softmax from the reference's, in nats",
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const CONFIDENT = {
  name: 'confident',
  default: 0,
  help: "the least gap between the two models' classes, on both sides, in logits",
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

/** What outputs are compared as, beside the parameters. */
export const DISAGREEMENT_WORDS = {
  by: {
    help: 'what outputs are compared as, with its settings behind colons, as by=boxes:iou=0.6:score=0.3: boxes, masks, ranking, regression or tokens',
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
