import { expect, test } from '@jest/globals';
import type { NumericalSite } from '../../../src/analysis/numerical-sites/site.ts';
import type { Fault } from '../../../src/campaign/findings/fault-registry.ts';
import { siteStatistics } from '../../../src/campaign/monitor/site-statistics.ts';

const site = (name: string): NumericalSite => ({
  name,
  op: 'Log',
  kind: 'log',
  tensors: [],
  region: 'x ≤ 0',
  targets: [],
});

test('a site has gone wrong, cannot, or is open with the smallest margin so far', () => {
  const sites = ['faulty', 'masked', 'far', 'unmeasured', 'safe'].map(site);
  const margins = new Map([
    ['masked', 0],
    ['far', 12.345678],
    ['faulty', 5],
  ]);
  const faults = [{ signature: 'nonfinite-inf-faulty' }] as Fault[];
  const rows = siteStatistics(sites, new Set(['safe']), margins, faults);
  expect(rows.map(({ site: name, status, margin, signature }) => [name, status, margin, signature])).toEqual([
    ['faulty', 'triggered', 0, 'nonfinite-inf-faulty'],
    // It went wrong, and its values never reached an output.
    ['masked', 'triggered', 0, null],
    ['far', 'open', 12.35, null],
    ['unmeasured', 'open', null, null],
    ['safe', 'unreachable', null, null],
  ]);
});
