import { expect, test } from '@jest/globals';
import {
  type CampaignLoad,
  MIN_STAY_MS,
  selectCampaign,
} from '../../../src/distributed/node/campaign-selection.ts';

const standing = (session: string, machines: number, joined?: number): CampaignLoad => ({
  session,
  nodeCount: machines,
  joinedMs: joined,
});

test('a machine joins the campaign that fewest work on, and no more than it may', () => {
  expect(selectCampaign([], 2, 'm')).toEqual({});
  expect(selectCampaign([standing('a', 3), standing('b', 1), standing('c', 2)], 2, 'm')).toEqual({
    join: 'b',
  });
  expect(selectCampaign([standing('a', 3), standing('b', 2, 0), standing('c', 2)], 2, 'm')).toEqual({
    join: 'c',
  });
  expect(selectCampaign([standing('a', 3), standing('b', 2, 0)], 1, 'm')).toEqual({});
});

test('after a while it leaves one for another that is worth it', () => {
  const own = standing('a', 2, MIN_STAY_MS);
  expect(selectCampaign([own, standing('b', 0)], 1, 'm')).toEqual({ leave: 'a' });
  expect(selectCampaign([standing('a', 2, MIN_STAY_MS - 1), standing('b', 0)], 1, 'm')).toEqual({});
  expect(selectCampaign([own, standing('b', 1)], 1, 'm')).toEqual({});
  expect(selectCampaign([standing('a', 3, MIN_STAY_MS), standing('b', 1)], 1, 'm')).toEqual({ leave: 'a' });
  expect(
    selectCampaign(
      [standing('a', 2, MIN_STAY_MS), standing('c', 2, 2 * MIN_STAY_MS), standing('b', 0)],
      2,
      'm',
    ),
  ).toEqual({
    leave: 'c',
  });
});

test('fifty campaigns on ten machines all get their turns, and none waits for long', () => {
  const MOST = 2;
  const campaigns = Array.from({ length: 50 }, (_, i) => `campaign-${i}`);
  const machines = Array.from({ length: 10 }, (_, i) => ({
    id: `machine-${i}`,
    joined: new Map<string, number>(),
    left: new Map<string, number>(),
  }));
  const served = new Map<string, number>(campaigns.map((name) => [name, 0]));
  const STEP = 5000;
  const HOUR = 3_600_000;
  for (let now = 0; now < HOUR; now += STEP) {
    for (const { id, joined, left } of machines) {
      const seen = campaigns.map((session) => {
        const since = joined.get(session);
        const count = machines.filter((other) => other.joined.has(session)).length;
        const before = left.get(session);
        return {
          ...standing(session, count, since === undefined ? undefined : now - since),
          left: before === undefined ? undefined : now - before,
        };
      });
      const { leave, join } = selectCampaign(seen, MOST, id);
      if (leave !== undefined) {
        joined.delete(leave);
        left.set(leave, now);
      }
      if (join !== undefined) joined.set(join, now);
      expect(joined.size).toBeLessThanOrEqual(MOST);
    }
    for (const { joined } of machines)
      for (const session of joined.keys()) served.set(session, (served.get(session) ?? 0) + STEP);
  }
  const fair = (HOUR * machines.length * MOST) / campaigns.length;
  const shares = [...served.values()].map((time) => time / fair);
  expect(Math.min(...shares)).toBeGreaterThan(0.5);
  expect(Math.max(...shares)).toBeLessThan(2);
});
