import { covarianceFeedback } from './covariance-feedback.ts';
import { distanceFeedback } from './distance-feedback.ts';
import type { FeedbackKind } from './feedback-kind.ts';
import { setFeedback } from './set-feedback.ts';

const FEEDBACK_KINDS = {
  distance: distanceFeedback,
  set: setFeedback,
  covariance: covarianceFeedback,
} as const satisfies Record<string, FeedbackKind>;

/** Name of a rule for what counts as new, as criteria and campaign folders give it. */
export type FeedbackName = keyof typeof FEEDBACK_KINDS;

/** The rule of criteria that name none. */
export const DEFAULT_FEEDBACK: FeedbackName = 'distance';

export const FEEDBACK_NAMES = Object.keys(FEEDBACK_KINDS) as readonly FeedbackName[];

export function isFeedbackName(name: unknown): name is FeedbackName {
  return typeof name === 'string' && Object.hasOwn(FEEDBACK_KINDS, name);
}

export function feedbackKind(name: FeedbackName): FeedbackKind {
  return FEEDBACK_KINDS[name];
}
