/**
 * The table of `neurofuzz contest` on MNIST's sixes and sevens: a convolution net without a defence, and one trained on PGD
 * within L∞ 0.3. Each defence gives way to another attack.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkSettings } from '../src/config/load.ts';
import { runContest } from '../src/model-commands/contest.ts';
import { encodeNpz } from '../src/tensor/npz.ts';
import { line, withFolder } from './campaign.ts';
import { mnist } from './digit-networks.ts';
import { DEFENCES, type Defence, sixesAndSevens, sixSevenNetwork } from './sixes-sevens.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    inputs: { type: 'string', default: '100' },
    queries: { type: 'string', default: '1000' },
    seed: { type: 'string', default: 'contest' },
  },
});

/** Least and largest accuracy at 80 % coverage, by defence and attack. */
const BOUNDS: Readonly<Record<Defence, Readonly<Record<string, readonly [number, number]>>>> = {
  undefended: { clean: [0.99, 1], spatial: [0, 0.05], square: [0, 0.15], pgd: [0, 0.1] },
  pgd: { square: [0.9, 1], pgd: [0.9, 1], spatial: [0, 0.2] },
};

const { training, heldOut } = await mnist(options.data);
const tests = sixesAndSevens(heldOut);
await withFolder(async (folder) => {
  const seeds = join(folder, 'digits.npz');
  const labels = join(folder, 'labels.txt');
  const count = tests.labels.length;
  await writeFile(
    seeds,
    encodeNpz([['image', { type: 'float32', shape: [count, 28, 28, 1], data: tests.images }]]),
  );
  await writeFile(labels, Array.from(tests.labels, (label) => `${label}\n`).join(''));
  for (const defence of DEFENCES) {
    const model = await sixSevenNetwork(defence, sixesAndSevens(training), options.cache, (done, total) => {
      if (done % 50 === 0) process.stderr.write(`${defence}: ${done} of ${total} batches\n`);
    });
    const settings = { model, seeds: [seeds], labels, range: [0, 1], seed: options.seed, jobs: 1 };
    const { report } = await runContest(
      checkSettings({ ...settings, out: join(folder, defence) }, {}, 'bench'),
      {
        attacks: undefined,
        coverage: 0.8,
        confidence: 'max-logit',
        threshold: undefined,
        combine: undefined,
        queries: Number(options.queries),
        inputs: Number(options.inputs),
        overwrite: false,
      },
      { info() {}, warn() {} },
    );
    for (const { curve: _curve, ...row } of [...report.attacks, report.worst]) {
      const [least, most] = BOUNDS[defence][row.attack] ?? [0, 1];
      const isWithin = row.accuracyAtCoverage >= least && row.accuracyAtCoverage <= most;
      if (!isWithin) process.exitCode = 1;
      line({ defence, ...row, bounds: [least, most], isWithin });
    }
    line({ defence, findings: report.findings, threshold: report.threshold, inputs: report.inputs });
  }
});
