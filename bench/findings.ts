/**
 * TensorFuzz's first experiment: mutants until the first NaN or infinity, with ten master seeds, compared with random
 * search with as many mutants as the slowest of these needed. With `--data <folder>` on MNIST, for which corpora/nan-
 * digits/make.ts trains a network into a cache folder on the first run.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeNanDigits } from '../corpora/nan-digits/make.ts';
import { campaign, line, median, withFolder } from './campaign.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    cache: { type: 'string', default: 'bench/.cache/mnist' },
    seeds: { type: 'string', default: '10' },
    measure: { type: 'string', default: 'norm' },
    scheduler: { type: 'string', default: 'yield' },
    /** Limit of mutants of one campaign; a search that finds nothing has failed. */
    most: { type: 'string', default: '2000000' },
  },
});

/** Mutants that TensorFuzz needed on such a model of MNIST. */
const TENSORFUZZ = { medianExecs: 41_000, execsPerSecond: 27_000 };

const corpora = new URL('../../corpora/nan-digits', import.meta.url).pathname;

async function modelFolder(): Promise<string> {
  if (options.data === undefined) return corpora;
  const out = resolve(options.cache);
  if (!existsSync(join(out, 'nan-digits.onnx'))) {
    const log = (text: string): void => void process.stderr.write(`${text}\n`);
    await makeNanDigits({ data: options.data, out, steps: 35_000, seed: 'nan-digits', log });
  }
  return out;
}

const folder = await modelFolder();
const dataset = options.data === undefined ? 'drawn digits' : 'MNIST';
const settings = {
  model: join(folder, 'nan-digits.onnx'),
  seeds: join(folder, 'seeds.npz'),
  mutator: { image: 'gaussian', label: 'none' },
  range: { image: [-1, 1] },
  measure: options.measure,
  scheduler: options.scheduler,
};

await withFolder(async (out) => {
  const masters = Array.from({ length: Number(options.seeds) }, (_, i) => String(i + 1));
  const found: number[] = [];
  const rates: number[] = [];
  let slowest = 0;
  for (const seed of tracked('findings', 'campaign', masters)) {
    const { statistics } = await campaign({
      ...settings,
      seed,
      out: join(out, `guided-${seed}`),
      untilFinding: true,
      execs: Number(options.most),
    });
    const first = statistics.faults.find((fault) => fault.kept > 0);
    slowest = Math.max(slowest, first?.firstExecs ?? statistics.execs);
    if (first !== undefined) found.push(first.firstExecs);
    rates.push(statistics.execsPerSecond);
    line({
      bench: 'findings',
      dataset,
      guidance: 'ann',
      seed,
      signature: first?.signature ?? null,
      execs: first?.firstExecs ?? statistics.execs,
      seconds: statistics.elapsedSeconds,
    });
  }
  let control = 0;
  for (const seed of masters) {
    const { statistics } = await campaign({
      ...settings,
      guidance: 'none',
      seed,
      out: join(out, `control-${seed}`),
      untilFinding: true,
      execs: slowest,
    });
    if (statistics.faults.some((fault) => fault.kept > 0)) control++;
  }
  const long = await campaign({ ...settings, seed: '1', out: join(out, 'long'), execs: 2_000_000 });
  line({
    bench: 'findings',
    dataset,
    measure: options.measure,
    scheduler: options.scheduler,
    found: found.length,
    of: masters.length,
    medianExecs: found.length > 0 ? median(found) : null,
    worstExecs: slowest,
    controlFound: control,
    controlExecsEach: slowest,
    medianExecsPerSecond: Math.round(median(rates)),
    execsPerSecondOverTwoMillion: Math.round(long.statistics.execsPerSecond),
    ...(options.data === undefined ? {} : { tensorfuzz: TENSORFUZZ }),
  });
});
