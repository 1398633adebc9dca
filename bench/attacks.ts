/**
 * Robustness as attacks are compared by: of seeds that a network classifies right, the share for which a mutant within an L∞ ball is
 * classified otherwise, and the mutants that were spent on a seed until the first one. In one campaign on all seeds, and in a
 * campaign for each seed. Uses a convolutional network of MNIST, or a model with seeds and labels of one's own.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { quantile, type SeedStatistics } from '../src/campaign/monitor/seed-statistics.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import { decodeNpz, encodeNpz } from '../src/tensor/npz.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { campaign, line, withFolder } from './campaign.ts';
import { digitNetwork, mnist } from './digit-networks.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    /** A model with one input, and an npz of `x` (float32) and `y` (labels, int64 or int32) in place of MNIST. */
    model: { type: 'string' },
    testcases: { type: 'string' },
    range: { type: 'string', default: '-1,1' },
    digits: { type: 'string', default: '50' },
    linf: { type: 'string', default: '0.4,0.2' },
    execs: { type: 'string', default: '50000' },
    'seed-execs': { type: 'string', default: '10000' },
    campaigns: { type: 'string', default: 'one,each' },
    seed: { type: 'string', default: 'attacks' },
    'per-seed': { type: 'string', default: 'first' },
  },
});

/** Testcases `[count, ...shape]` with their labels. */
interface Labelled {
  readonly model: string;
  readonly testcases: Tensor;
  readonly labels: readonly number[];
}

async function load(): Promise<Labelled> {
  const { model, testcases: file } = options;
  if (model !== undefined && file !== undefined) {
    const arrays = new Map(decodeNpz(await readFile(file), file));
    const [x, y] = [arrays.get('x'), arrays.get('y')];
    if (x === undefined || y === undefined) throw new Error(`${file} holds no x and y`);
    return { model, testcases: x, labels: Array.from(y.data, Number) };
  }
  const { training, heldOut } = await mnist(options.data);
  const path = await digitNetwork('convolution', training, options.cache, (text) => {
    process.stderr.write(`${text}\n`);
  });
  const shape = [heldOut.labels.length, 28, 28, 1];
  return {
    model: path,
    testcases: { type: 'float32', shape, data: heldOut.images.slice() },
    labels: Array.from(heldOut.labels),
  };
}

/** Indices of the first testcases that the model classifies right. */
async function rightOnes({ model: path, testcases, labels }: Labelled): Promise<number[]> {
  const model = await loadModel(path, { runtime: 'auto' });
  const { outputs } = await model.run([testcases], []);
  await model.dispose();
  const scores = outputs[0].data as Float32Array;
  const classes = scores.length / labels.length;
  const right = labels.flatMap((label, row) => {
    const values = scores.subarray(row * classes, (row + 1) * classes);
    return values.indexOf(Math.max(...values)) === label ? [row] : [];
  });
  line({ bench: 'attacks', testcases: labels.length, accuracy: right.length / labels.length });
  return right.slice(0, Number(options.digits));
}

const labelled = await load();
const inputName = await loadModel(labelled.model, { runtime: 'auto' }).then(async (model) => {
  await model.dispose();
  return model.inputs[0].name;
});
const chosen = await rightOnes(labelled);

/** Runs a campaign on some of the testcases; returns the account of its seeds and the mutants that ran. */
async function attack(
  folder: string,
  rows: readonly number[],
  settings: Readonly<Record<string, unknown>>,
): Promise<{ readonly account: SeedStatistics; readonly execs: number }> {
  const { shape, data } = labelled.testcases;
  const size = data.length / shape[0];
  const values = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    values.set((data as Float32Array).subarray(row * size, (row + 1) * size), i * size);
  });
  const seeds = join(folder, 'seeds.npz');
  const labels = join(folder, 'labels.txt');
  await writeFile(
    seeds,
    encodeNpz([[inputName, { type: 'float32', shape: [rows.length, ...shape.slice(1)], data: values }]]),
  );
  await writeFile(labels, rows.map((row) => `${labelled.labels[row]}\n`).join(''));
  const out = join(folder, 'campaign');
  const { statistics } = await campaign({
    model: labelled.model,
    seeds,
    labels,
    objective: ['misclassified'],
    range: options.range.split(',').map(Number),
    perSeed: options['per-seed'],
    seed: options.seed,
    out,
    ...settings,
  });
  await rm(out, { recursive: true });
  const [account] = statistics.seedAccounts;
  return { account, execs: statistics.execs };
}

await withFolder(async (folder) => {
  for (const linf of tracked('attacks', 'radius', options.linf.split(',').map(Number))) {
    const kinds = options.campaigns.split(',');
    if (kinds.includes('one')) {
      const began = performance.now();
      const { account, execs } = await attack(folder, chosen, { linf, execs: Number(options.execs) });
      const { seeds, broken, share, medianQueries, p90Queries, curve } = account;
      const seconds = Math.round((performance.now() - began) / 1000);
      line({
        bench: 'attacks',
        campaign: 'one',
        linf,
        seeds,
        broken,
        share,
        medianQueries,
        p90Queries,
        execs,
        seconds,
        curve,
      });
    }
    if (!kinds.includes('each')) continue;
    const queries: number[] = [];
    let execs = 0;
    for (const row of chosen) {
      const single = { linf, execs: Number(options['seed-execs']), untilFinding: true };
      const result = await attack(folder, [row], single);
      execs += result.execs;
      const { firstQuery } = result.account.accounts[0];
      if (firstQuery !== null) queries.push(firstQuery);
    }
    line({
      bench: 'attacks',
      campaign: 'each',
      linf,
      seeds: chosen.length,
      broken: queries.length,
      share: queries.length / chosen.length,
      medianQueries: quantile(queries, 0.5),
      p90Queries: quantile(queries, 0.9),
      execs,
    });
  }
});
