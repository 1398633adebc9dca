import { expect, test } from '@jest/globals';
import type { Logger } from 'pino';
import type { Fault } from '../../../src/campaign/findings/fault-registry.ts';
import type { CampaignPlan } from '../../../src/campaign/monitor/monitor.ts';
import type { Statistics } from '../../../src/campaign/monitor/statistics.ts';
import { canRedraw } from '../../../src/cli/output/live-area.ts';
import { createLogMonitor, statisticsText } from '../../../src/cli/output/monitors.ts';

const plan = {
  folder: 'neurofuzz-out/digits',
  masterSeed: '7',
  jobs: 1,
  batch: 256,
  seeds: 40,
  limits: { startedAt: 0, seconds: 60, execs: undefined },
} as unknown as CampaignPlan;

const statistics = {
  execs: 12_345,
  execsPerSecond: 1500,
  execsPerSecondNow: 1700.4,
  corpus: 1234,
  hits: 1,
  faults: [{ signature: 'nonfinite-inf-log' }],
  seedAccounts: [],
  sites: [],
  mutators: [{ input: 'x', mutator: 'gaussian', share: 1 }],
  shares: { model: 0.7, waiting: 0.3 },
  workers: [],
} as unknown as Statistics;

/** A monitor whose clock the test sets, and the lines that it has logged. */
function logged() {
  const clock = { now: 0 };
  const lines: { readonly level: string; readonly text: string; readonly at: number }[] = [];
  const at =
    (level: string) =>
    (...of: readonly unknown[]): void =>
      void lines.push({ level, text: String(of.at(-1)), at: clock.now });
  const log = { info: at('info'), warn: at('warn'), debug: at('debug') } as unknown as Logger;
  return { clock, lines, monitor: createLogMonitor(log, () => clock.now) };
}

test('of a minute of statistics, progress and changes of the threshold a line every ten seconds is logged', () => {
  const { clock, lines, monitor } = logged();
  monitor.onPhase({ name: 'loading' });
  for (; clock.now < 5000; clock.now += 50)
    monitor.onPhase({ name: 'seeds', done: clock.now / 50, total: 100 });
  monitor.onStart(plan);
  for (const start = clock.now; clock.now < start + 60_000; clock.now += 250) {
    monitor.onStatistics(statistics);
    monitor.onThresholdChange(0.1, '182 of the last 10112 mutants were kept');
  }
  const info = lines.filter(({ level }) => level === 'info');
  expect(info.map(({ text }) => text.split(/[:;]/)[0])).toEqual([
    'loading the model',
    'running seeds',
    'Campaign',
    ...new Array(5).fill('fuzzing'),
  ]);
  for (const [i, { at }] of info.entries())
    if (i > 3) expect(at - info[i - 1].at).toBeGreaterThanOrEqual(10_000);
  expect(lines.filter(({ level }) => level === 'debug')).toHaveLength(240);
});

test('a line of statistics tells the time, the rate, the corpus and the faults', () => {
  expect(statisticsText(plan, statistics, 7000)).toBe(
    'fuzzing: 7 s of 60 s, remaining 53 s; 12,345 mutants, 1,700 per second; corpus 1,234; 1 fault (1 hit)',
  );
  expect(statisticsText(plan, { ...statistics, faults: [] }, 7000)).toMatch(/; no faults$/);
});

test('a fault is a warning with its signature and its folder', () => {
  const { lines, monitor } = logged();
  const fault = { signature: 'nonfinite-inf-log', summary: 'Log(0) gives -Infinity', path: 'findings/a' };
  monitor.onFault(fault as Fault, 'out');
  expect(lines).toEqual([
    {
      level: 'warn',
      text: 'new fault: nonfinite-inf-log: Log(0) gives -Infinity (out/findings/a)',
      at: 0,
    },
  ]);
});

test('text is redrawn in place on terminals that know cursor codes alone', () => {
  const { TERM } = process.env;
  try {
    const stream = { isTTY: true } as unknown as NodeJS.WriteStream;
    process.env.TERM = 'xterm-256color';
    expect(canRedraw(stream)).toBe(true);
    expect(canRedraw({} as unknown as NodeJS.WriteStream)).toBe(false);
    process.env.TERM = 'dumb';
    expect(canRedraw(stream)).toBe(false);
  } finally {
    if (TERM === undefined) delete process.env.TERM;
    else process.env.TERM = TERM;
  }
});
