/**
 * The tables of `neurofuzz reprogram` on nets of MNIST: one change that leads digits to a class, by place and method, and other tasks
 * that a program has the nets do, beside untrained copies. A JSON line for each figure.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkSettings } from '../src/config/load.ts';
import type { ReprogramOptions } from '../src/model-commands/reprogram/prepare.ts';
import type { ReprogramReport } from '../src/model-commands/reprogram/report.ts';
import { reprogram } from '../src/model-commands/reprogram/reprogram.ts';
import { encodeNpy } from '../src/tensor/npy.ts';
import { encodeNpz } from '../src/tensor/npz.ts';
import { line, withFolder } from './campaign.ts';
import {
  BEGINNINGS,
  DIGIT_NETWORKS,
  type DigitNetwork,
  type Digits,
  digitNetwork,
  mnist,
  PIXELS,
} from './digit-networks.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    networks: { type: 'string', default: DIGIT_NETWORKS.join() },
    only: { type: 'string' },
    begin: { type: 'string', default: 'uniform' },
    seed: { type: 'string', default: 'reprogram' },
    jobs: { type: 'string', default: '2' },
    digits: { type: 'string', default: '5000' },
  },
});

type Setting = Partial<ReprogramOptions> & { readonly linf?: number };

const toClasses = (...classes: readonly number[]): ReprogramOptions['to'] =>
  classes.map((target) => ({ kind: 'class', target }));

/** What is asked for, by the name of its row. */
const ROWS: Readonly<Record<string, Setting>> = {
  'linf-0.4': { to: toClasses(0, 3, 8), linf: 0.4, steps: 120 },
  'linf-0.8': { to: toClasses(0, 3, 8), linf: 0.8, steps: 120 },
  'linf-0.8-nes': { to: toClasses(3), linf: 0.8, method: 'nes', queries: 200_000, hasControl: false },
  'frame-4': { to: toClasses(0, 3, 8), place: { frame: 4, patch: undefined }, steps: 150 },
  'squares-2': { task: { name: 'squares:2', labels: undefined, map: 'assign' }, steps: 600 },
  'squares-2-nes': {
    task: { name: 'squares:2', labels: undefined, map: 'assign' },
    method: 'nes',
    queries: 1_000_000,
    hasControl: false,
  },
  'squares-3': { task: { name: 'squares:3', labels: undefined, map: 'assign' }, steps: 600 },
  'squares-4': { task: { name: 'squares:4', labels: undefined, map: 'assign' }, steps: 600 },
  'squares-10': { task: { name: 'squares:10', labels: undefined, map: 'assign' }, steps: 600 },
  'digits-3': { task: { name: '3', labels: '', map: 'assign' }, steps: 1500 },
  'digits-10': { task: { name: '10', labels: '', map: 'assign' }, steps: 1500 },
};

/** Figures that must be reached: at least the first number, and at most the second. */
interface Bounds {
  readonly success?: readonly [number, number];
  readonly random?: readonly [number, number];
  readonly accuracy?: readonly [number, number];
  readonly excess?: readonly [number, number];
  readonly isReprogrammable?: boolean;
}

const BOUNDS: Readonly<Record<string, Bounds>> = {
  'linf-0.8 dense 3': { success: [0.9, 1], random: [0, 0.05] },
  'linf-0.8 convolution 3': { success: [0.75, 1], random: [0, 0.05] },
  'linf-0.8-nes dense 3': { success: [0.9, 1] },
  'linf-0.8-nes convolution 3': { success: [0.75, 1] },
  'squares-2 dense': { accuracy: [0.85, 1], excess: [0.15, 1], isReprogrammable: true },
  'squares-2-nes dense': { accuracy: [0.8, 1] },
  'squares-3 dense': { isReprogrammable: false },
  'squares-3 convolution': { isReprogrammable: false },
  'digits-10 convolution': { accuracy: [0.33, 1], excess: [0.07, 1], isReprogrammable: true },
};

/** Side of the digits of a task. */
const SMALL = 8;

/** Digits of classes below a number, a quarter turned to the left and made 8 by 8 pixels by averages. */
function turnedDigits(
  { images, labels }: Digits,
  classes: number,
): { data: Float32Array; labels: Int32Array } {
  const chosen = [...labels.keys()].filter((i) => labels[i] < classes);
  const data = new Float32Array(chosen.length * SMALL * SMALL);
  chosen.forEach((digit, row) => {
    for (let y = 0; y < SMALL; y++)
      for (let x = 0; x < SMALL; x++) {
        const value = averageOf(images.subarray(digit * PIXELS, (digit + 1) * PIXELS), y, x);
        data[row * SMALL * SMALL + (SMALL - 1 - x) * SMALL + y] = value;
      }
  });
  return { data, labels: Int32Array.from(chosen, (digit) => labels[digit]) };
}

/** Mean of the part of a 28 by 28 picture that falls to a pixel of the small one; edges count in part. */
function averageOf(picture: Float32Array, y: number, x: number): number {
  const step = 28 / SMALL;
  let [sum, area] = [0, 0];
  for (let row = Math.floor(y * step); row < (y + 1) * step; row++)
    for (let column = Math.floor(x * step); column < (x + 1) * step; column++) {
      const high = Math.min(row + 1, (y + 1) * step) - Math.max(row, y * step);
      const wide = Math.min(column + 1, (x + 1) * step) - Math.max(column, x * step);
      sum += high * wide * picture[28 * row + column];
      area += high * wide;
    }
  return sum / area;
}

function isWithin(value: number | null, bounds: readonly [number, number] | undefined): boolean {
  return bounds === undefined || (value !== null && value >= bounds[0] && value <= bounds[1]);
}

function print(row: string, network: DigitNetwork, report: ReprogramReport, seconds: number): void {
  const { method, train, test } = report;
  const { begin } = options;
  const common = {
    bench: 'reprogram',
    row,
    network,
    begin,
    method,
    train,
    test,
    seconds: Math.round(seconds),
  };
  const check = (key: string, holds: (bounds: Bounds) => boolean): object => {
    const bounds = BOUNDS[key];
    if (bounds === undefined) return {};
    const within = holds(bounds);
    if (!within) process.exitCode = 1;
    return { bounds, isWithin: within };
  };
  if (report.mode === 'task') {
    const { task, queries, accuracy, chance, control, excess, isReprogrammable, bits } = report;
    line({
      ...common,
      task,
      queries,
      accuracy,
      chance,
      control,
      excess,
      isReprogrammable,
      bits,
      ...check(
        `${row} ${network}`,
        (bounds) =>
          isWithin(accuracy, bounds.accuracy) &&
          isWithin(excess?.value ?? null, bounds.excess) &&
          (bounds.isReprogrammable ?? isReprogrammable) === isReprogrammable,
      ),
    });
    return;
  }
  for (const { to, success, control, queries } of report.programs)
    line({
      ...common,
      to,
      success,
      control,
      queries,
      ...check(
        `${row} ${network} ${to}`,
        (bounds) => isWithin(success, bounds.success) && isWithin(control.random, bounds.random),
      ),
    });
}

const { training, heldOut } = await mnist(options.data);
const images = new Float32Array(Number(options.digits) * PIXELS);
const count = Number(options.digits);
const known = count - heldOut.labels.length;
images.set(training.images.subarray(0, known * PIXELS));
images.set(heldOut.images, known * PIXELS);
const labels = Uint8Array.from([...training.labels.subarray(0, known), ...heldOut.labels]);
const beginning = BEGINNINGS.find((name) => name === options.begin);
if (beginning === undefined) throw new Error(`--begin must be one of ${BEGINNINGS.join(', ')}`);
await withFolder(async (folder) => {
  const [seeds, classes] = [join(folder, 'digits.npz'), join(folder, 'labels.npy')];
  await writeFile(
    seeds,
    encodeNpz([['image', { type: 'float32', shape: [count, 28, 28, 1], data: images }]]),
  );
  await writeFile(classes, encodeNpy({ type: 'uint8', shape: [count], data: labels }));
  const names = Object.keys(ROWS).filter(
    (name) => options.only === undefined || options.only.split(',').includes(name),
  );
  const networks = DIGIT_NETWORKS.filter((network) => options.networks.split(',').includes(network));
  const runs = networks.flatMap((network) => names.map((name) => ({ network, name })));
  for (const { network, name } of tracked('reprogram', 'row', runs)) {
    const log = (text: string): void => void process.stderr.write(`${text}\n`);
    const other = beginning === 'he' ? undefined : { seed: beginning, beginning };
    const model = await digitNetwork(network, training, options.cache, log, other);
    const { linf, ...setting } = ROWS[name];
    const asked: ReprogramOptions = {
      to: undefined,
      task: undefined,
      place: { frame: undefined, patch: undefined },
      method: 'gradient',
      steps: 600,
      queries: 200_000,
      draws: undefined,
      stealth: undefined,
      hasControl: true,
      train: 0.8,
      inputs: undefined,
      allow: 0.1,
      overwrite: false,
      ...setting,
    };
    const { task } = asked;
    const isDigits = task?.labels === '';
    if (isDigits) {
      const { data, labels: answers } = turnedDigits({ images, labels }, Number(task.name));
      const rows = answers.length;
      await writeFile(
        join(folder, 'turned.npz'),
        encodeNpz([['x', { type: 'float32', shape: [rows, SMALL, SMALL], data }]]),
      );
      await writeFile(
        join(folder, 'turned-labels.npy'),
        encodeNpy({ type: 'int32', shape: [rows], data: answers }),
      );
    }
    const own = isDigits
      ? { name: join(folder, 'turned.npz'), labels: join(folder, 'turned-labels.npy'), map: 'assign' }
      : task;
    const config = checkSettings(
      {
        model,
        ...(task === undefined ? { seeds: [seeds], labels: classes } : {}),
        ...(linf === undefined ? {} : { linf }),
        range: [-1, 1],
        seed: options.seed,
        jobs: Number(options.jobs),
        out: join(folder, `${name}-${network}`),
      },
      {},
      'bench',
    );
    const start = performance.now();
    const { report } = await reprogram(config, { ...asked, task: own }, { info() {}, warn() {} });
    print(name, network, report, (performance.now() - start) / 1000);
  }
});
