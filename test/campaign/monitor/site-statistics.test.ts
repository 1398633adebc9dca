import { expect, test } from '@jest/globals';
import { closenessText } from '../../../src/analysis/numerical-sites/closeness.ts';
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
  const target = { tensor: 'x', hazard: { kind: 'below', bound: 0, unit: 2 ** -10 } } as const;
  const margins = new Map(
    [['guarded', 0] as const, ['far', 12.345678] as const, ['faulty', 5] as const].map(([name, margin]) => [
      name,
      { target, margin },
    ]),
  );
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
  const closest = rows.flatMap((row) =>
    row.closest === undefined ? [] : [[row.site, closenessText(row.closest)]],
  );
  expect(closest).toEqual([['far', 'smallest operand 5.08, fails at 0']]);
});

test('a site that depends on sizes alone says of which inputs', () => {
  const [row] = siteStatistics([{ ...site('count'), sizesOf: ['x'] }], new Map(), new Map(), []);
  expect(row.sizesOf).toEqual(['x']);
});
