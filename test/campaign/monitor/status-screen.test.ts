import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import type { Fault } from '../../../src/campaign/findings/fault-registry.ts';
import type { CampaignPlan } from '../../../src/campaign/monitor/monitor.ts';
import type { Statistics } from '../../../src/campaign/monitor/statistics.ts';
import {
  screenText as coloured,
  phaseScreenText,
  StatusScreen,
  sparkline,
} from '../../../src/campaign/monitor/status-screen.ts';

/** Colours take no columns; whether there are any is the terminal's matter (and CI's). */
const screenText = (...of: Parameters<typeof coloured>): string => stripVTControlCharacters(coloured(...of));

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
    { site: 'exp', status: 'open', margin: 12.34 },
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
  folder: `neurofuzz-out/${'long'.repeat(20)}`,
  masterSeed: 'seed',
  jobs: 2,
  coverage: { tensors: ['logits'], measure: 'norm', threshold: 0.1 },
} as unknown as CampaignPlan;

test('the screen holds all that one asks of a fuzzer, in 80 columns', () => {
  const text = screenText(plan, figures);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(text).toContain('fuzzing, 1 h 6 min');
  expect(text).toContain('12,345,678, 140,000 a second now, 150,000 overall, 512 lost');
  expect(text).toContain('4,321 (40 seeds), 14 MB, last new 1 min 15 s ago');
  expect(text).toContain('logits by norm, threshold 0.00081, adapted 3 times');
  expect(text).toContain('2 of 2 busy, 2 replaced, up to 250 MB; main 12 % busy, 200 MB');
  expect(text).toContain('model, 70 %');
  expect(text).toContain('4: 1 went wrong, 1 cannot, 2 open, nearest exp 12.3');
  expect(text).toContain('48 of 50 seeds (96 %), median 1,160 mutants');
  expect(text).toContain('new fault with 0.000016 %; none for 1,045,678 mutants, 1 min 15 s');
  expect(text).toContain('3,394 hits, 8 signatures');
  expect(text).toContain('and 2 more');
});

test('it says what the workers are at', () => {
  const state = (...states: string[]) =>
    screenText(plan, { ...figures, workers: states.map((state) => ({ ...worker, state })) } as Statistics);
  expect(state('busy', 'isolating')).toContain('looking for the input that ended a worker');
  expect(state('idle', 'idle')).toContain('running findings again');
});

test('a sparkline has the highest count full and none blank', () => {
  expect(sparkline([0, 1, 4, 8])).toBe(' ▂▅█');
  expect(sparkline([0, 0])).toBe('  ');
});

test('before the first mutant it shows what is done and how far it is, within 80 columns', () => {
  const text = (...of: Parameters<typeof phaseScreenText>) =>
    stripVTControlCharacters(phaseScreenText(...of));
  expect(text({ name: 'loading' }, 2)).toContain('loading the model, 2 s');
  expect(text({ name: 'seeds', done: 3, total: 13 }, 4)).toMatch(/running 3 of 13 seeds, 4 s {2}█{4}░{12}/);
  const calibrating = text({ name: 'calibrating', done: 2048, total: 2048 }, 70);
  expect(calibrating).toMatch(/calibrating on 2048 of 2048 mutants, 1 min 10 s {2}█{16}$/m);
  for (const line of calibrating.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

test('names out of models and folders bring no control character of their own', () => {
  const hostile = '\u001b]0;title\u0007\u001b[2J\r\nSPOOFED\u202e\u009b1m';
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  const screen = new StatusScreen(stream as unknown as NodeJS.WriteStream, () => hostile);
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
