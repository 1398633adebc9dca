import { describe, expect, test } from '@jest/globals';
import { objectiveGoals, valueIntervals } from '../../../src/campaign/resolve/resolve-goals.ts';
import { AFTER_PROMPT_PREFIX } from '../../../src/model/language/generation.ts';
import type { ObjectiveDescriptor } from '../../../src/workers/objective-descriptor.ts';
import { traitsOf } from '../../support/mutators.ts';
import { testcaseOf } from '../../support/tasks.ts';

const objective = (fields: Partial<ObjectiveDescriptor>): ObjectiveDescriptor => ({
  name: 'text-words',
  hasMargins: true,
  isTwoSided: false,
  tellsTies: false,
  predictsBeforeOutput: false,
  breaksSeeds: false,
  isAttributable: false,
  ...fields,
});

describe('goals of objectives', () => {
  test('exist for objectives that measure margins', () => {
    const goals = objectiveGoals([objective({ name: 'assert', hasMargins: false }), objective({})], ['y']);
    expect(goals).toEqual([{ objective: 'text-words', isTwoSided: false }]);
  });

  test('allow lookahead where all observed tensors are known after the prompt', () => {
    const words = objective({ marginSignatures: ['text-words-a'], predictsBeforeOutput: true });
    const goal = { objective: 'text-words', isTwoSided: false, marginSignatures: ['text-words-a'] };
    const afterPrompt = `${AFTER_PROMPT_PREFIX}hidden`;
    expect(objectiveGoals([words], [afterPrompt])).toEqual([{ ...goal, predictsBeforeOutput: true }]);
    expect(objectiveGoals([words], [afterPrompt, 'hidden'])).toEqual([goal]);
  });
});

test("an input's interval is its range, widened to values of seeds outside of it", () => {
  const descriptor = traitsOf({ size: 2 });
  const seeds = [testcaseOf([0.5, -2]), testcaseOf([0.25, 0.5])];
  expect(valueIntervals([descriptor], seeds)).toEqual(new Map([['x', { low: -2, high: 1 }]]));
});

test('strings have no interval: a number that is read from one may be any', () => {
  const strings = { width: 2, words: [], alphabet: [97], areTexts: false };
  expect(valueIntervals([traitsOf({ size: 2, strings })], [testcaseOf([97, 0])])).toEqual(new Map());
});
