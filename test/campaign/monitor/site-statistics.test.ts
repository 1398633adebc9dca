import { expect, test } from '@jest/globals';
import type { NumericalSite } from '../../../src/analysis/numerical-sites/site.ts';
import type { Fault } from '../../../src/campaign/findings/fault-registry.ts';
import { siteStatistics } from '../../../src/campaign/monitor/site-statistics.ts';

const site = (name: string): NumericalSite => ({
  name,
  op: 'Log',
  kind: 'log',
  tensors: [],
  results: [],
  region: 'x ≤ 0',
  targets: [],
});

test('a site has gone wrong, cannot, or is open with the smallest margin so far', () => {
  const sites = ['faulty', 'absorbed', 'guarded', 'far', 'unmeasured', 'safe'].map(site);
  const margins = new Map([
    ['guarded', 0],
    ['far', 12.345678],
    ['faulty', 5],
  ]);
  const faults = ['absorbed-inf-faulty', 'nonfinite-inf-faulty', 'absorbed-inf-absorbed'].map(
    (signature) => ({ signature }) as Fault,
  );
  const rows = siteStatistics(sites, new Map([['safe', 'crown' as const]]), margins, faults);
  expect(rows.map(({ site: name, status, margin, signature }) => [name, status, margin, signature])).toEqual([
    ['faulty', 'triggered', 0, 'nonfinite-inf-faulty'],
    ['absorbed', 'triggered', 0, 'absorbed-inf-absorbed'],
    // It went wrong, and nothing came of it.
    ['guarded', 'triggered', 0, null],
    ['far', 'open', 12.35, null],
    ['unmeasured', 'open', null, null],
    ['safe', 'unreachable', null, null],
  ]);
});

test('a site that depends on sizes alone says of which inputs', () => {
  const [row] = siteStatistics([{ ...site('count'), sizesOf: ['x'] }], new Map(), new Map(), []);
  expect(row.sizesOf).toEqual(['x']);
});
