import { expect, test } from '@jest/globals';
import { outsideMessage } from '../../src/campaign/check-outcome.ts';

test('findings outside the threat model are counted by their clauses; without any there is nothing to say', () => {
  expect(outsideMessage({})).toBeUndefined();
  expect(outsideMessage({ threatAudit: { checked: 9, outside: 0, byClause: {} } })).toBeUndefined();
  const threatAudit = { checked: 9, outside: 3, byClause: { 'goal.to': 1, 'limits.linf': 2 } };
  expect(outsideMessage({ threatAudit })).toMatch(
    /^3 of 9 findings outside the threat model \(goal\.to: 1, limits\.linf: 2\): see findings\/outside/,
  );
});
