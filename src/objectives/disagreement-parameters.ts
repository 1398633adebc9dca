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

/** Tolerances of two models that should agree: shared by all objectives that compare outputs. */
export const DISAGREEMENT_PARAMETERS: readonly Parameter[] = [TOP, ATOL, RTOL, COSINE, KL];

/** The rules that `DISAGREEMENT_PARAMETERS` set. If none is set, the predicted class must be the same. */
export function disagreementRules(values: ParameterValues): DisagreementRules {
  const [top, atol, rtol, cosine, kl] = [values(TOP), values(ATOL), values(RTOL), values(COSINE), values(KL)];
  const hasTolerance = atol !== undefined || rtol !== undefined;
  const isPlain = top === undefined && !hasTolerance && cosine === undefined && kl === undefined;
  return {
    top: isPlain ? 1 : top,
    atol: hasTolerance ? (atol ?? 0) : undefined,
    rtol: rtol ?? 0,
    cosine,
    kl,
  };
}
