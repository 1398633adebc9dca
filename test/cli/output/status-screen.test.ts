import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import type { Fault } from '../../../src/campaign/findings/fault-registry.ts';
import type { CampaignPlan } from '../../../src/campaign/monitor/monitor.ts';
import type { Statistics } from '../../../src/campaign/monitor/statistics.ts';
import { sparkline } from '../../../src/cli/output/sparkline.ts';
import { campaignRows, LABEL_COLUMNS, screenLines } from '../../../src/cli/output/status-rows.ts';
import { phaseLines, StatusScreen } from '../../../src/cli/output/status-screen.ts';

/** Colours take no columns; whether there are any is the terminal's matter (and CI's). */
const plain = (lines: readonly string[]): string[] => lines.map(stripVTControlCharacters);

/** The screen seven seconds after the command began. */
function screen(plan: CampaignPlan, statistics: Statistics, columns: number, height = 40): string[] {
  const rows = campaignRows(plan, statistics, columns - LABEL_COLUMNS, 7000);
  return plain(screenLines(rows, statistics.faults, columns, height));
}

const worker = {
  pid: 7,
  state: 'busy',
  tasks: 9,
  execs: 900,
  replaced: 2,
  memoryMB: 240,
  peakMemoryMB: 300,
} as const;
const fault = { signature: 'nonfinite-nan-loss', hits: 3394 };

const figures = {
  execs: 12_345_678,
  lost: 512,
  looked: 0,
  spoken: 0,
  rejected: 0.0312,
  mutators: [
    { input: 'image', mutator: 'gaussian', share: 0.2, mutants: 9000, entries: 9, signatures: 0 },
    { input: 'image', mutator: 'momentum', share: 0.71, mutants: 20_000, entries: 90, signatures: 1 },
    { input: 'image', mutator: 'translate', share: 0.09, mutants: 0, entries: 0, signatures: 0 },
  ],
  elapsedSeconds: 4000,
  execsPerSecond: 150_000.4,
  execsPerSecondNow: 140_000.2,
  tasks: 10,
  corpus: 4321,
  seeds: 40,
  threshold: 0.00081021,
  thresholdChanges: 3,
  secondsSinceNew: 75,
  newEntries: [0, 1, 4, 8, ...new Array(56).fill(3)],
  newEntriesSpan: 64,
  hits: 3394,
  faults: new Array(8).fill(fault),
  sites: [
    { site: 'log', status: 'triggered', margin: 0 },
    {
      site: 'exp',
      status: 'open',
      margin: 12.34,
      closest: { measure: 'largest operand', value: 65.1, bound: 88.7228, outcome: 'overflows at' },
    },
    { site: 'div', status: 'open', margin: null },
    { site: 'sqrt', status: 'unreachable', margin: null },
  ],
  newFaults: {
    singletons: 2,
    chance: 1.62e-7,
    isUpperBound: false,
    upper95: 3e-6,
    mutantsSinceLast: 1_045_678,
    secondsSinceLast: 75,
  },
  seedAccounts: [{ objective: 'misclassified', seeds: 50, broken: 48, share: 0.96, medianQueries: 1160 }],
  jobs: 2,
  workers: [worker, { ...worker, replaced: 0, memoryMB: 250 }],
  shares: { mutate: 0.1, model: 0.7, objectives: 0.01, coverage: 0.05, waiting: 0.14 },
  mainBusy: 0.124,
  mainMemoryMB: 200,
  mainPeakMemoryMB: 220,
  diskMB: 14,
} as unknown as Statistics;

const plan = {
  folder: 'neurofuzz-out/long/digits',
  masterSeed: '7',
  jobs: 2,
  coverage: { tensors: ['logits'], measure: 'norm', threshold: 0.1 },
  limits: { startedAt: 0, seconds: 60, execs: undefined },
} as unknown as CampaignPlan;

/** Every word that the widest screen has, without punctuation. */
const words = (lines: readonly string[]): Set<string> =>
  new Set(lines.flatMap((line) => line.split(/[\s,;:()]+/)));

test('the screen tells what remains, how the search goes and what was found', () => {
  const lines = screen(plan, figures, 100);
  expect(lines.join('\n')).toBe(
    [
      '  campaign  neurofuzz-out/long/digits, seed 7',
      '  state     fuzzing',
      '  time      7 s of 60 s, remaining 53 s',
      '  mutants   12,345,678 at 140,000 per second (150,000 on average), 512 lost',
      '  corpus    4,321 (40 seeds), last new 1 min 15 s ago, 14 MB',
      '  coverage  logits, compared by norm, threshold 0.00081',
      '  mutators  momentum 71 %, gaussian 20 %, translate 9 %, 3.1 % rejected',
      '  sites     1 failed, 1 proven safe, 2 not reached',
      '  closest   exp: largest operand 65.1, overflows at 88.7',
      `  new        ▂▅█${'▄'.repeat(56)} per 1 min 4 s`,
      '  workers   2 of 2 busy, 2 replaced, up to 250 MB, main process 12 % busy and 200 MB',
      "  slowest   model, 70 % of the workers' time",
      '  broken    48 of 50 seeds (96 %), median 1,160 mutants',
      '  next      0.000016 % for a new fault per mutant, none for 1,045,678 mutants (1 min 15 s)',
      '  findings  8 faults, 3,394 hits',
      ...new Array(5).fill('            nonfinite-nan-loss  3,394 hits'),
      '            and 3 more faults',
    ].join('\n'),
  );
});

test.each([100, 60, 40])('in %i columns no line is wider and no word is cut', (columns) => {
  const whole = words(screen(plan, figures, 1000));
  const lines = screen(plan, figures, columns);
  for (const line of lines) {
    expect(line.length).toBeLessThanOrEqual(columns);
    // Numbers of the sparkline's span change with the width.
    if (line.startsWith('  new')) continue;
    for (const word of line.split(/[\s,;:()]+/))
      if (!word.startsWith('…')) expect([line, whole.has(word.replace(/…$/, ''))]).toEqual([line, true]);
  }
  const text = lines.join('\n');
  expect(text).toContain('7 s of 60 s');
  expect(text).toContain('12,345,678');
  expect(text).toContain('8 faults');
  expect(text).toContain('nonfinite-nan-loss');
});

test('40 columns keep what matters most of each row', () => {
  expect(screen(plan, figures, 40).slice(0, 5)).toEqual([
    '  campaign  neurofuzz-out/long/digits',
    '  state     fuzzing',
    '  time      7 s of 60 s, remaining 53 s',
    '  mutants   12,345,678, 512 lost',
    '  corpus    4,321 (40 seeds), 14 MB',
  ]);
});

test('a terminal of few lines shows the findings and leaves out what matters less', () => {
  const lines = screen(plan, figures, 80, 18);
  expect(lines.length).toBeLessThanOrEqual(14);
  expect(lines.filter((line) => line.includes('nonfinite-nan-loss'))).toHaveLength(5);
  const labels = lines.map((line) => line.slice(2, 12).trim()).filter((label) => label !== '');
  expect(labels).toEqual(['campaign', 'state', 'time', 'mutants', 'corpus', 'sites', 'broken', 'findings']);
});

test('a campaign with a number of mutants tells how many are left, one without limits how long it has run', () => {
  const limited = { ...plan, limits: { startedAt: 0, seconds: undefined, execs: 20_000_000 } };
  const [, , time, mutants] = screen(limited, figures, 80);
  expect(time).toBe('  time      7 s, remaining 55 s');
  expect(mutants).toMatch(/^ {2}mutants {3}12,345,678 of 20,000,000 at 140,000 per second/);
  const free = { ...plan, limits: { startedAt: 0, seconds: undefined, execs: undefined } };
  expect(screen(free, figures, 80)[2]).toBe('  time      7 s');
});

test('it says what the workers are at', () => {
  const state = (...states: string[]) =>
    screen(
      plan,
      { ...figures, workers: states.map((name) => ({ ...worker, state: name })) } as Statistics,
      80,
    )[1];
  expect(state('busy', 'isolating')).toContain('finding the input that ended a worker');
  expect(state('idle', 'idle')).toContain('confirming findings');
});

test('a sparkline has the highest count full and none blank, and adds up neighbours where it is too long', () => {
  expect(sparkline([0, 1, 4, 8])).toEqual({ bars: ' ▂▅█', merged: 1 });
  expect(sparkline([0, 0]).bars).toBe('  ');
  expect(sparkline([0, 4, 1, 1, 8], 3)).toEqual({ bars: '▅▃█', merged: 2 });
});

test('before the first mutant it shows what is done and how far it is', () => {
  const text = (...of: Parameters<typeof phaseLines>) => plain(phaseLines(...of)).join('\n');
  expect(text({ name: 'loading' }, 2, 80)).toContain('loading the model, 2 s');
  expect(text({ name: 'seeds', done: 3, total: 13 }, 4, 80)).toContain(
    'running seeds: 3 of 13, 4 s, ████░░░░░░░░░░░░',
  );
  expect(text({ name: 'calibrating', done: 2048, total: 2048 }, 70, 80)).toContain(
    'calibrating: 2,048 of 2,048 mutants, 1 min 10 s',
  );
  expect(text({ name: 'calibrating', done: 2048, total: 2048 }, 70, 40).length).toBeLessThanOrEqual(40);
});

/** A terminal that keeps what is written. */
function terminal(columns = 80) {
  return Object.assign(new PassThrough(), { isTTY: true, columns, rows: 40 });
}

test('findings stay above the screen, and changes of the threshold are lines of --log-level debug', () => {
  const written = (logLevel: string | undefined): string => {
    const stream = terminal();
    const status = new StatusScreen(stream, { resumeLine: () => 'neurofuzz fuzz --resume', logLevel });
    status.onStart(plan);
    status.onThresholdChange(0.165, '182 of the last 10112 mutants were kept');
    status.onFault(
      { signature: 'nonfinite-inf-log', summary: 'Log(0) gives -Infinity', path: 'findings/a' } as Fault,
      'out',
    );
    status.onStatistics(figures);
    status.finish();
    return stripVTControlCharacters(String(stream.read()));
  };
  expect(written(undefined)).toMatch(
    /^Press Ctrl-C to stop\.\nResume: neurofuzz fuzz --resume\nnew fault: nonfinite-inf-log: Log\(0\) gives -Infinity\n {2}out\/findings\/a\n/,
  );
  expect(written(undefined)).not.toContain('threshold 0.165');
  expect(written('debug')).toContain('coverage threshold 0.165: 182 of the last 10112 mutants were kept\n');
  expect(written('warn')).not.toContain('Ctrl-C');
});

test('a header stands above the rows of the campaign', () => {
  const stream = terminal(60);
  const header = (columns: number): string[] => [`campaign 2 of 5, ${columns} columns`];
  const status = new StatusScreen(stream, { resumeLine: () => '', header });
  status.onStart(plan);
  status.onStatistics(figures);
  expect(stripVTControlCharacters(String(stream.read()))).toMatch(
    /campaign 2 of 5, 60 columns\n {2}campaign/,
  );
  status.finish();
});

test('names out of models and folders bring no control character of their own', () => {
  const hostile = '\u001b]0;title\u0007\u001b[2J\r\nSPOOFED\u202e\u009b1m';
  const stream = terminal();
  const screen = new StatusScreen(stream, { resumeLine: () => hostile, logLevel: 'debug' });
  const hostilePlan = { ...plan, folder: hostile, coverage: { ...plan.coverage, tensors: [hostile] } };
  screen.info(hostile);
  screen.warn(hostile);
  screen.onStart(hostilePlan);
  screen.onThresholdChange(1, hostile);
  screen.onFault(
    { ...fault, signature: hostile, summary: hostile, path: hostile } as unknown as Fault,
    hostile,
  );
  screen.onStatistics({
    ...figures,
    faults: [{ ...fault, signature: hostile }],
    sites: [{ site: hostile, status: 'open', margin: 1 }],
    mutators: [{ ...figures.mutators[0], input: hostile }, figures.mutators[1]],
  } as unknown as Statistics);
  screen.finish();
  const written = String(stream.read());
  expect(written).toContain('SPOOFED');
  expect(written).not.toMatch(/^SPOOFED/m);
  // What log-update and the colours write themselves has no title, bell, clearing of the screen or mark of direction.
  for (const part of ['\u001b]0', '\u0007', '\u001b[2J', '\r', '\u202e', '\u009b'])
    expect(written).not.toContain(part);
});
