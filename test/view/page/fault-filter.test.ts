import { describe, expect, test } from '@jest/globals';
import { type FaultFilter, filterFaults, NO_FILTER } from '../../../src/view/page/fault-filter.ts';
import { INITIAL_STATE, type LiveState, reduceState } from '../../../src/view/page/live-state.ts';
import type { CampaignStatus, FaultRow, JobView } from '../../../src/view/protocol.ts';

function fault(signature: string, change: Partial<FaultRow> = {}): FaultRow {
  return {
    signature,
    objective: 'nonfinite',
    summary: 'Log makes NaN of 0',
    firstSeen: '2026-11-28T00:00:00.000Z',
    state: 'new',
    isDecided: false,
    campaigns: ['out'],
    hits: 1,
    findings: 1,
    flaky: 0,
    batchDependent: 0,
    reproduced: '10/10',
    distance: { linf: 1, l2: 1, l0: 1 },
    broken: null,
    path: `out/findings/${signature}/0123456789abcdef`,
    ...change,
  } as FaultRow;
}

function campaign(key: string, faults: readonly FaultRow[]): CampaignStatus {
  return {
    key,
    name: key,
    folder: key,
    isRunning: false,
    statistics: null,
    faults,
    missing: [],
    damage: [],
    baseline: null,
  };
}

const CAMPAIGNS = [
  campaign('digits', [
    fault('nonfinite-nan-log', { hits: 3 }),
    fault('nonfinite-inf-exp', { state: 'ignored', hits: 9, note: 'only with zeros' }),
  ]),
  campaign('pair', [
    fault('quantization-class', {
      objective: 'quantization',
      state: 'known',
      summary: '3 against 7',
      firstSeen: '2026-11-29T00:00:00.000Z',
    }),
    fault('quantization-score', { objective: 'quantization' }),
  ]),
];

const listed = (change: Partial<FaultFilter>): string[] =>
  filterFaults(CAMPAIGNS, { ...NO_FILTER, ...change }).map((item) => item.fault.signature);

describe('the list of faults', () => {
  test('has new ones first and ignored ones last, over all campaigns', () => {
    expect(listed({})).toEqual([
      'nonfinite-nan-log',
      'quantization-score',
      'quantization-class',
      'nonfinite-inf-exp',
    ]);
  });

  test.each<[string, Partial<FaultFilter>, string[]]>([
    ['the words of a search, in any order', { text: '7 CLASS' }, ['quantization-class']],
    ['a note', { text: 'zeros' }, ['nonfinite-inf-exp']],
    ['an objective', { objective: 'quantization' }, ['quantization-score', 'quantization-class']],
    ['a state', { state: 'ignored' }, ['nonfinite-inf-exp']],
    ['a campaign', { campaign: 'digits', state: 'new' }, ['nonfinite-nan-log']],
    ['conditions that nothing meets', { campaign: 'digits', objective: 'quantization' }, []],
  ])('is filtered by %s', (_, change, signatures) => {
    expect(listed(change)).toEqual(signatures);
  });

  test('is sorted by hits, by the day of the first finding, or by name', () => {
    expect(listed({ order: 'hits' })[0]).toBe('nonfinite-inf-exp');
    expect(listed({ order: 'newest' })[0]).toBe('quantization-class');
    expect(listed({ order: 'name' })[0]).toBe('nonfinite-inf-exp');
  });
});

describe('what the page knows', () => {
  const view = { title: 'runs', isReadOnly: false, campaigns: CAMPAIGNS, jobs: [] };
  const start = reduceState(INITIAL_STATE, { kind: 'state', state: view });

  test('is brought up to date by campaigns that changed, and new faults are announced', () => {
    const changed = campaign('digits', [...CAMPAIGNS[0].faults, fault('crash-sigsegv')]);
    const next = reduceState(start, {
      kind: 'update',
      update: { changed: [changed], order: ['pair', 'digits'] },
    });
    expect(next.view?.campaigns.map(({ key, faults }) => [key, faults.length])).toEqual([
      ['pair', 2],
      ['digits', 3],
    ]);
    expect(next.announcement).toBe('New: crash-sigsegv');
    const gone = reduceState(next, { kind: 'update', update: { changed: [], order: ['pair'] } });
    expect(gone.view?.campaigns.map(({ key }) => key)).toEqual(['pair']);
  });

  test('has the latest state of each job, in the order of their start', () => {
    const job = (id: number, status: JobView['status']): JobView => ({
      id,
      kind: 'replay',
      campaign: 'digits',
      signature: 'nonfinite-nan-log',
      finding: '1',
      status,
      lines: [],
    });
    const after = [job(1, 'running'), job(2, 'waiting'), job(1, 'done')].reduce(
      (state: LiveState, next) => reduceState(state, { kind: 'job', job: next }),
      start,
    );
    expect(after.view?.jobs.map(({ id, status }) => [id, status])).toEqual([
      [1, 'done'],
      [2, 'waiting'],
    ]);
  });

  test('stays on the page while the connection is lost', () => {
    const lost = reduceState(start, { kind: 'disconnected' });
    expect([lost.isConnected, lost.view?.campaigns.length]).toEqual([false, 2]);
  });
});
