/**
 * TensorFuzz's first experiment: mutants until the first NaN or infinity, with ten master seeds, compared with random
 * search with as many mutants as the slowest of these needed. With `--data <folder>` on MNIST, for which corpora/nan-
 * digits/make.ts trains a network into a cache folder on the first run.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign, line, median, withFolder } from './campaign.ts';
import { firstFault, nanDigits, nanSettings } from './experiments/nan.ts';
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

const folder =
  options.data === undefined
    ? new URL('../../corpora/nan-digits', import.meta.url).pathname
    : await nanDigits(options.cache, options.data);
const dataset = options.data === undefined ? 'drawn digits' : 'MNIST';
const settings = {
  ...nanSettings(folder),
  mutator: { image: 'gaussian', label: 'none' },
  measure: options.measure,
  scheduler: options.scheduler,
};

await withFolder(async (out) => {
  const masters = Array.from({ length: Number(options.seeds) }, (_, i) => String(i + 1));
  const found: number[] = [];
  const rates: number[] = [];
  let slowest = 0;
  for (const seed of tracked('findings', 'campaign', masters)) {
    const { fault: first, statistics } = await firstFault(
      { ...settings, seed, out: join(out, `guided-${seed}`) },
      Number(options.most),
    );
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
    const { fault } = await firstFault(
      { ...settings, guidance: 'none', seed, out: join(out, `control-${seed}`) },
      slowest,
    );
    if (fault !== undefined) control++;
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
