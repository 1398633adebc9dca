/**
 * The table of `neurofuzz audit-defense` on MNIST: a convolution net, one of the same shape that was trained on PGD, and the first
 * behind four masks that hide its gradients or answer at random.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkSettings } from '../src/config/load.ts';
import { auditDefense } from '../src/model-commands/audit-defense.ts';
import { encodeNpz } from '../src/tensor/npz.ts';
import { auditNetwork, TRAININGS } from './audit-networks.ts';
import { line, withFolder } from './campaign.ts';
import { mnist, PIXELS } from './digit-networks.ts';
import { MASKS, masked } from './masked-models.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    inputs: { type: 'string', default: '60' },
    steps: { type: 'string', default: '40' },
    queries: { type: 'string', default: '500' },
    seeds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    linf: { type: 'string', default: '0.2' },
  },
});

/** Flags that a model must have, and those that it must not have; without a list of the latter, any other. */
const EXPECTED: Readonly<
  Record<string, { readonly must: readonly string[]; readonly never?: readonly string[] }>
> = {
  plain: { must: [] },
  adversarial: { must: [] },
  'rounded-input': { must: ['no-gradient', 'wrong-gradient', 'unbounded', 'flat-curve', 'claim'], never: [] },
  'rounded-logits': { must: ['no-gradient', 'wrong-gradient', 'unbounded', 'flat-curve'], never: [] },
  'scaled-logits': { must: ['no-gradient', 'scale', 'unbounded'], never: ['wrong-gradient'] },
  'noisy-input': { must: ['nondeterministic'], never: ['wrong-gradient'] },
};

/** Robust accuracy that is claimed of a mask, where one is. */
const CLAIMS: Readonly<Record<string, number>> = { 'rounded-input': 0.9 };

/** Largest accuracy that the proper attack may leave. */
const MAX_ADAPTIVE: Readonly<Record<string, number>> = { 'rounded-input': 0.8, 'scaled-logits': 0.8 };

const { training, heldOut } = await mnist(options.data);
await withFolder(async (folder) => {
  const seeds = join(folder, 'digits.npz');
  const labels = join(folder, 'labels.txt');
  // Some are wrong without an attack.
  const count = Math.min(heldOut.labels.length, Number(options.inputs) + 20);
  const shape = [count, 28, 28, 1];
  const data = heldOut.images.slice(0, count * PIXELS);
  await writeFile(seeds, encodeNpz([['image', { type: 'float32', shape, data }]]));
  await writeFile(labels, Array.from(heldOut.labels.subarray(0, count), (label) => `${label}\n`).join(''));
  const models = new Map<string, string>();
  for (const name of TRAININGS) {
    if (name === 'adversarial' && options.only !== '' && options.only !== name) continue;
    const path = await auditNetwork(name, training, options.cache, (done, total) => {
      if (done % 50 === 0) process.stderr.write(`${name}: ${done} of ${total} batches\n`);
    });
    models.set(name, path);
  }
  await mkdir(folder, { recursive: true });
  const plain = await readFile(models.get('plain') ?? '');
  for (const mask of MASKS) {
    const path = join(folder, `${mask}.onnx`);
    await writeFile(path, masked(plain, mask));
    models.set(mask, path);
  }
  for (const [name, model] of models) {
    if (options.only !== '' && options.only !== name) continue;
    const { must, never } = EXPECTED[name];
    for (let seed = 1; seed <= Number(options.seeds); seed++) {
      const settings = {
        model,
        seeds: [seeds],
        labels,
        range: [-1, 1],
        linf: Number(options.linf),
        seed: `${seed}`,
        jobs: 1,
        out: join(folder, `${name}-${seed}`),
      };
      const report = await auditDefense(
        checkSettings(settings, {}, 'bench'),
        {
          inputs: Number(options.inputs),
          queries: Number(options.queries),
          steps: Number(options.steps),
          claim: CLAIMS[name],
          against: undefined,
          time: undefined,
          overwrite: false,
        },
        { info() {}, warn() {} },
      );
      const flags = report.checks.filter(({ flagged }) => flagged).map((check) => check.name);
      const unexpected = flags.filter((flag) =>
        never === undefined ? !must.includes(flag) : never.includes(flag),
      );
      const missing = must.filter((flag) => !flags.includes(flag));
      const most = MAX_ADAPTIVE[name] ?? 1;
      const isExpected =
        unexpected.length === 0 && missing.length === 0 && (report.adaptive?.accuracy ?? 0) <= most;
      if (!isExpected) process.exitCode = 1;
      line({
        model: name,
        seed,
        verdict: report.verdict,
        clean: report.clean,
        inputs: report.inputs,
        figures: Object.fromEntries(report.checks.map((check) => [check.name, check.value])),
        accuracy: Object.fromEntries(report.attacks.map((attack) => [attack.name, attack.accuracy])),
        adaptive: report.adaptive,
        robust: report.robust,
        findings: report.findings,
        flags,
        missing,
        unexpected,
        isExpected,
      });
    }
  }
});
