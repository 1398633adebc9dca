import { describe, expect, test } from '@jest/globals';
import { resolveMaxCorpus } from '../../../../src/campaign/resolve/sizes/corpus-limit.ts';
import { feedbackKind } from '../../../../src/coverage/feedback/registry.ts';

const distance = feedbackKind('distance');

describe('the largest corpus where none is given', () => {
  test('holds fewer entries the wider their observations are, and is one of some thousands', () => {
    const limits = [1, 2, 64, 256, 4096].map((width) => resolveMaxCorpus(undefined, distance, width));
    expect(limits).toEqual([500_000, 474_000, 299_000, 139_000, 11_000]);
    expect(resolveMaxCorpus(undefined, distance, undefined)).toBe(500_000);
    expect(resolveMaxCorpus(undefined, distance, 1e9)).toBe(1000);
    expect(resolveMaxCorpus(undefined, feedbackKind('set'), 1e6)).toBe(500_000);
  });

  test('is what a resumed campaign began with', () => {
    expect(resolveMaxCorpus(1234, distance, 64)).toBe(1234);
  });
});
