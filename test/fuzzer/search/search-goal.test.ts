import { expect, test } from '@jest/globals';
import type { HazardTarget } from '../../../src/analysis/numerical-sites/site.ts';
import {
  canPredictMargins,
  goalName,
  goalTensors,
  isSiteFault,
  marginSignaturesOf,
  owningObjective,
  type SearchGoal,
  siteGoals,
  withResults,
} from '../../../src/fuzzer/search/search-goal.ts';

const below = (tensor: string): HazardTarget => ({ tensor, hazard: { kind: 'below', bound: 0, unit: 1 } });
const objective = (name: string): SearchGoal => ({ objective: name, isTwoSided: false });

test('a signature is a fault of the site that it is named after', () => {
  expect(isSiteFault('nonfinite-nan-log_7', 'log_7')).toBe(true);
  expect(isSiteFault('nonfinite-inf-a_log', 'a/log')).toBe(true);
  expect(isSiteFault('absorbed-inf-exp', 'exp')).toBe(true);
  expect(isSiteFault('absorbed-nan-div', 'div')).toBe(true);
  expect(isSiteFault('crash-div', 'div')).toBe(true);
  expect(isSiteFault('nonfinite-nan-log_7', 'log')).toBe(false);
  expect(isSiteFault('hang', 'hang')).toBe(false);
});

test('a site has a goal for each way in which it can go wrong, all under its name', () => {
  const site = {
    name: 'div',
    op: 'Div',
    kind: 'divide',
    tensors: ['a', 'b'],
    results: ['quotient'],
    region: '0',
    targets: [below('a'), below('b')],
  };
  const goals = siteGoals([site]);
  expect(goals).toEqual([
    { site: 'div', hazardTarget: below('a'), results: ['quotient'] },
    { site: 'div', hazardTarget: below('b'), results: ['quotient'] },
  ]);
  expect(goals.map(goalTensors)).toEqual([
    ['a', 'quotient'],
    ['b', 'quotient'],
  ]);
  expect(withResults(goals[0], () => false)).toMatchObject({ hazardTarget: below('a'), results: [] });
  expect(goals.map(goalName)).toEqual(['div', 'div']);
  expect(goals.flatMap(marginSignaturesOf)).toEqual([]);
  expect(goals.map(canPredictMargins)).toEqual([false, false]);
});

test('a signature belongs to the objective with the longest name that it begins with', () => {
  const goals = [objective('text'), objective('text-words'), objective('speed')];
  const ownerOf = (signature: string): string | undefined => owningObjective(goals, signature)?.objective;
  expect(ownerOf('text-words-bomb')).toBe('text-words');
  expect(ownerOf('text-length')).toBe('text');
  expect(ownerOf('text')).toBe('text');
  expect(ownerOf('textual')).toBeUndefined();
});
