import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { Fault } from '../../../src/campaign/findings/fault-registry.ts';
import type { CampaignPlan } from '../../../src/campaign/monitor/monitor.ts';
import type { Statistics } from '../../../src/campaign/monitor/statistics.ts';
import { NightCounts } from '../../../src/cli/output/night-counts.ts';
import { createNightLog, placeText } from '../../../src/cli/output/night-log.ts';
import { NightScreen } from '../../../src/cli/output/night-screen.ts';
import type { NightTurn } from '../../../src/nightly/turns.ts';

const HOUR = 3_600_000;

const turn: NightTurn = {
  name: 'digits',
  number: 2,
  total: 5,
  milliseconds: 0.8 * HOUR,
  knownSignatures: new Set(['assert-small']),
};

const fault = (signature: string, kept = 1): Fault =>
  ({
    signature,
    summary: `${signature} is what fails`,
    kept,
    hits: 3,
    path: `findings/${signature}/0`,
  }) as Fault;
const FAULTS = [fault('assert-small'), fault('nonfinite-inf-log'), fault('assert-flaky', 0)];

const statistics = {
  execs: 12_345,
  execsPerSecond: 1000,
  execsPerSecondNow: 1234,
  elapsedSeconds: 10,
  corpus: 50,
  seeds: 40,
  threshold: 0.1,
  secondsSinceNew: 1,
  newEntries: [1, 2, 3],
  newEntriesSpan: 1,
  diskMB: 1,
  lost: 0,
  looked: 0,
  rejected: 0,
  hits: 9,
  faults: FAULTS,
  sites: [],
  mutators: [],
  seedAccounts: [],
  newFaults: { chance: 0.1, isUpperBound: false, upper95: 0.2, mutantsSinceLast: 9, secondsSinceLast: 1 },
  workers: [{ state: 'busy', tasks: 1, execs: 1, replaced: 0, memoryMB: 100 }],
  shares: { model: 1 },
  mainBusy: 0.1,
  mainMemoryMB: 100,
} as unknown as Statistics;

const plan = {
  folder: 'neurofuzz-nights/campaigns/digits/0001',
  masterSeed: '7',
  jobs: 1,
  coverage: { tensors: ['logits'], measure: 'norm', threshold: 0.1 },
  limits: { startedAt: 0, seconds: 2880, execs: undefined },
} as unknown as CampaignPlan;

/** A terminal of so many columns and lines, and what was drawn on it last. */
function terminal(columns: number, rows = 40) {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows });
  const read = (): string => stripVTControlCharacters(String(stream.read() ?? ''));
  return { stream, read };
}

describe('the screen of a night', () => {
  test.each([100, 60, 40])(
    'in %d columns tells the campaign, what remains, faults new and known, and has the campaign below',
    (columns) => {
      const { stream, read } = terminal(columns);
      const screen = new NightScreen(stream, { totalMs: 8 * HOUR, isParallel: false, now: () => 0 });
      const monitor = screen.campaignMonitor(turn);
      monitor.onStart(plan);
      monitor.onFault(FAULTS[0], plan.folder);
      monitor.onFault(FAULTS[1], plan.folder);
      const above = read();
      expect(above.replace(/\s+/g, ' ')).toContain('digits: new fault: nonfinite-inf-log: ');
      expect(above).not.toContain('assert-small');
      monitor.onStatistics(statistics);
      const lines = read().split('\n').filter(Boolean);
      expect(lines.slice(0, 3)).toEqual([
        '  night     campaign 2 of 5: digits',
        '  budget    0 s of 8 h, remaining 8 h',
        '  faults    1 new fault, 1 known',
      ]);
      expect(lines[3]).toMatch(/^ {2}campaign {2}\S*campaigns\/digits\/0001/);
      expect(lines.filter((line) => line.length > columns)).toEqual([]);
      screen.finish();
    },
  );

  test('fits a terminal of 24 lines, with its own rows at the top', () => {
    const { stream, read } = terminal(80, 24);
    const screen = new NightScreen(stream, { totalMs: HOUR, isParallel: false, now: () => 0 });
    const monitor = screen.campaignMonitor(turn);
    monitor.onStart(plan);
    monitor.onStatistics({ ...statistics, faults: new Array(9).fill(FAULTS[1]) });
    const drawn = read();
    expect(drawn).toContain('  night     campaign 2 of 5');
    expect(drawn.split('\n').length).toBeLessThanOrEqual(24);
    screen.finish();
  });

  test('names failed campaigns, what follows the campaigns, and campaigns that run at once', () => {
    const { stream, read } = terminal(80);
    const screen = new NightScreen(stream, { totalMs: HOUR, isParallel: true, now: () => 0 });
    const monitors = ['a', 'b'].map((name) => screen.campaignMonitor({ ...turn, name }));
    monitors[0].onStatistics(statistics);
    const lines = read().split('\n').filter(Boolean);
    expect([lines[0], ...lines.slice(3)]).toEqual([
      '  night     2 campaigns at once',
      '            a, 12,345 mutants, 1,234 per second, 3 faults',
      '            b, starting',
    ]);
    for (const monitor of monitors) monitor.finish();
    screen.onFailure({ name: 'gone', message: 'no such file', isMachine: false });
    screen.onPhase('minimizing a nonfinite-inf-log', 0, 2);
    const after = read();
    expect(after).toContain('warning: gone could not run: no such file');
    expect(after).toMatch(
      / {2}faults {4}1 new fault, 1 known, 1 campaign failed\n {2}state {5}minimizing a nonfinite-inf-log, 1 of 2/,
    );
    screen.finish();
  });
});

test('a phase ends at its total, and a cup that failed counts as no campaign', () => {
  expect([placeText(0, 2), placeText(1, 2), placeText(2, 2)]).toEqual(['1 of 2', '2 of 2', '2 of 2']);
  const counts = new NightCounts();
  counts.addFailure({ name: 'cup', message: 'no seeds', isMachine: false, isCup: true });
  expect(counts.parts).toEqual(['0 new faults', '0 known', 'the cup failed']);
});

test('without a terminal each turn is a line, and known faults are no warnings', () => {
  const lines: string[] = [];
  const log = {
    info: (...args: unknown[]) => lines.push(`info ${args.at(-1)}`),
    warn: (...args: unknown[]) => lines.push(`warn ${args.at(-1)}`),
    debug: () => {},
    child: () => log,
  };
  const night = createNightLog(log as never, 8 * HOUR, () => 0);
  const monitor = night.campaignMonitor(turn);
  monitor.onFault(FAULTS[0], 'c');
  monitor.onFault(FAULTS[1], 'c');
  monitor.onStatistics(statistics);
  night.onFailure({ name: 'gone', message: 'no such file', isMachine: false });
  night.campaignMonitor({ ...turn, name: 'letters', number: 3 });
  expect(lines).toEqual([
    'info campaign 2 of 5: digits, up to 48 min; night: 0 s of 8 h, remaining 8 h, 0 new faults, 0 known',
    expect.stringMatching(/^info digits: known fault: assert-small/),
    expect.stringMatching(/^warn .*nonfinite-inf-log/),
    'warn gone could not run: no such file',
    'info campaign 3 of 5: letters, up to 48 min; night: 0 s of 8 h, remaining 8 h, 1 new fault, 1 known, 1 campaign failed',
  ]);
});
