/**
 * Both tables of the check of saliency maps on MNIST: how alike maps are to those of a convolution net and a dense one whose layers
 * are random, from the last one on (Adebayo et al. 2018).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkSettings } from '../src/config/load.ts';
import { type CheckReport, checkSaliency } from '../src/model-commands/saliency-check.ts';
import { encodeNpz } from '../src/tensor/npz.ts';
import { line, withFolder } from './campaign.ts';
import { type Digits, mnist } from './digit-networks.ts';
import { SALIENCY_NETWORKS, type SaliencyNetwork, saliencyNetwork } from './saliency-networks.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    inputs: { type: 'string', default: '20' },
    repeats: { type: 'string', default: '2' },
    randomise: { type: 'string', default: 'normal' },
    seed: { type: 'string', default: 'saliency' },
    jobs: { type: 'string', default: '1' },
  },
});

/** Least and largest mean after half of the layers is random, by net, method and metric. */
const BOUNDS: Readonly<
  Record<SaliencyNetwork, Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>>>
> = {
  convolution: {
    gradient: { signed: [-0.35, 0.35] },
    smoothgrad: { signed: [-0.35, 0.35] },
    'integrated-gradients': { signed: [-0.35, 0.35], abs: [0.9, 1] },
    'guided-backprop': { signed: [0.7, 1] },
    'grad-cam': { signed: [-0.35, 0.35] },
    occlusion: { signed: [-0.35, 0.35] },
    edges: { signed: [1, 1] },
  },
  dense: { gradient: { signed: [-0.35, 0.35] }, 'guided-backprop': { signed: [0.4, 1] } },
};

const { training, heldOut } = await mnist(options.data);
const levels = ({ images, labels }: Digits): Digits => ({
  images: images.map((value) => (value + 1) / 2),
  labels,
});
const tests = levels(heldOut);
await withFolder(async (folder) => {
  const seeds = join(folder, 'digits.npz');
  const labels = join(folder, 'labels.txt');
  const count = tests.labels.length;
  await writeFile(
    seeds,
    encodeNpz([['image', { type: 'float32', shape: [count, 28, 28, 1], data: tests.images }]]),
  );
  await writeFile(labels, Array.from(tests.labels, (label) => `${label}\n`).join(''));
  for (const network of SALIENCY_NETWORKS) {
    const train = (isShuffled: boolean): Promise<string> =>
      saliencyNetwork(
        network,
        levels(training),
        options.cache,
        (done, total) => process.stderr.write(`${network}: ${done} of ${total} epochs\n`),
        isShuffled,
      );
    const model = await train(false);
    const config = checkSettings(
      { model, seeds: [seeds], labels, range: [0, 1], seed: options.seed, jobs: Number(options.jobs) },
      {},
      'bench',
    );
    const check = async (against: string | undefined): Promise<CheckReport> => {
      const { report } = await checkSaliency(
        config,
        {
          methods: undefined,
          classIndex: undefined,
          inputs: Number(options.inputs),
          baseline: undefined,
          order: 'cascade',
          randomise: options.randomise === 'permute' ? 'permute' : 'normal',
          repeats: Number(options.repeats),
          layers: undefined,
          against,
          metric: 'signed',
          most: 0.5,
        },
        { info() {}, warn() {} },
      );
      return report;
    };
    const report = await check(undefined);
    line({
      network,
      accuracy: report.accuracy,
      layers: report.layers.map(({ name, accuracy }) => [name, round(accuracy)]),
    });
    for (const method of report.methods) {
      const at = report.judgedAfter - 1;
      const row = {
        signed: method.steps.map(({ signed }) => round(signed?.mean)),
        abs: method.steps.map(({ abs }) => round(abs?.mean)),
        ssim: method.steps.map(({ ssim }) => round(ssim?.mean)),
      };
      const isWithin = Object.entries(BOUNDS[network][method.name] ?? {}).every(([metric, [least, most]]) => {
        const { mean = Number.NaN } = method.steps[at][metric as 'signed'] ?? {};
        return mean >= least && mean <= most;
      });
      if (!isWithin) process.exitCode = 1;
      line({ network, method: method.name, verdict: method.verdict, ...row, isWithin });
    }
    if (network === 'convolution') {
      const shuffled = await check(await train(true));
      for (const { name, verdict, steps } of shuffled.methods)
        line({
          network,
          against: 'shuffled labels',
          method: name,
          verdict,
          signed: round(steps[0].signed?.mean),
        });
    }
  }
});

function round(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(1000 * value) / 1000;
}
