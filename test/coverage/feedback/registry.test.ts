import { expect, test } from '@jest/globals';
import { FEEDBACK_NAMES, feedbackKind, isFeedbackName } from '../../../src/coverage/feedback/registry.ts';

test('each feedback is listed under its own name', () => {
  expect(FEEDBACK_NAMES).toEqual(['distance', 'set', 'covariance']);
  for (const name of FEEDBACK_NAMES) expect(feedbackKind(name).name).toBe(name);
});

test('only listed names are names of feedbacks', () => {
  expect(['set', 'bag', 'toString', undefined].map(isFeedbackName)).toEqual([true, false, false, false]);
});
