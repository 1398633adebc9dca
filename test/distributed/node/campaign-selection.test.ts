import { expect, test } from '@jest/globals';
import {
  type CampaignLoad,
  MIN_STAY_MS,
  selectCampaign,
} from '../../../src/distributed/node/campaign-selection.ts';

const load = (session: string, nodeCount: number, joinedMs?: number): CampaignLoad => ({
  session,
  nodeCount,
  joinedMs,
});

test('a node joins the campaign with the fewest nodes, and no more campaigns than it may', () => {
  expect(selectCampaign([], 2, 'm')).toEqual({});
  expect(selectCampaign([load('a', 3), load('b', 1), load('c', 2)], 2, 'm')).toEqual({
    join: 'b',
  });
  expect(selectCampaign([load('a', 3), load('b', 2, 0), load('c', 2)], 2, 'm')).toEqual({
    join: 'c',
  });
  expect(selectCampaign([load('a', 3), load('b', 2, 0)], 1, 'm')).toEqual({});
});

test('after a minimum stay it leaves one for another with at least two nodes fewer, or none', () => {
  const joined = load('a', 2, MIN_STAY_MS);
  expect(selectCampaign([joined, load('b', 0)], 1, 'm')).toEqual({ leave: 'a' });
  expect(selectCampaign([load('a', 2, MIN_STAY_MS - 1), load('b', 0)], 1, 'm')).toEqual({});
  expect(selectCampaign([joined, load('b', 1)], 1, 'm')).toEqual({});
  expect(selectCampaign([load('a', 3, MIN_STAY_MS), load('b', 1)], 1, 'm')).toEqual({ leave: 'a' });
  expect(
    selectCampaign([load('a', 2, MIN_STAY_MS), load('c', 2, 2 * MIN_STAY_MS), load('b', 0)], 2, 'm'),
  ).toEqual({
    leave: 'c',
  });
});

test('of fifty campaigns on ten nodes each gets between half and twice its even share of an hour', () => {
  const MAX_CAMPAIGNS = 2;
  const campaigns = Array.from({ length: 50 }, (_, i) => `campaign-${i}`);
  const nodes = Array.from({ length: 10 }, (_, i) => ({
    id: `node-${i}`,
    joined: new Map<string, number>(),
    left: new Map<string, number>(),
  }));
  const served = new Map<string, number>(campaigns.map((name) => [name, 0]));
  const STEP = 5000;
  const HOUR = 3_600_000;
  for (let now = 0; now < HOUR; now += STEP) {
    for (const { id, joined, left } of nodes) {
      const loads = campaigns.map((session) => {
        const since = joined.get(session);
        const count = nodes.filter((other) => other.joined.has(session)).length;
        const before = left.get(session);
        return {
          ...load(session, count, since === undefined ? undefined : now - since),
          leftMs: before === undefined ? undefined : now - before,
        };
      });
      const { leave, join } = selectCampaign(loads, MAX_CAMPAIGNS, id);
      if (leave !== undefined) {
        joined.delete(leave);
        left.set(leave, now);
      }
      if (join !== undefined) joined.set(join, now);
      expect(joined.size).toBeLessThanOrEqual(MAX_CAMPAIGNS);
    }
    for (const { joined } of nodes)
      for (const session of joined.keys()) served.set(session, (served.get(session) ?? 0) + STEP);
  }
  const fair = (HOUR * nodes.length * MAX_CAMPAIGNS) / campaigns.length;
  const shares = [...served.values()].map((time) => time / fair);
  expect(Math.min(...shares)).toBeGreaterThan(0.5);
  expect(Math.max(...shares)).toBeLessThan(2);
});
