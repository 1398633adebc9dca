/**
 * TensorFuzz's second experiment (arXiv 1807.10875, section 4.2): for how many digits that a network and its
 * quantized copy classify alike there is one within L-infinity distance 0.4 that they do not, and after how many
 * mutants, passes and seconds it is found: along gradients, with margins alone and by random search. Uses a float16 copy
 * of the paper's dense network and an int8 copy of a convolutional network. A mutant takes two passes, one of each model.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BatchedModel } from '../src/model/batched-model.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import { calibrateRanges } from '../src/model/quantize/calibrate-ranges.ts';
import { deriveQuantizedModel } from '../src/model/quantize/derive.ts';
import type { Quantization } from '../src/model/quantize/kind.ts';
import { shapeSignatureOf } from '../src/model/testcase-batch.ts';
import { encodeNpz } from '../src/tensor/npz.ts';
import { campaign, line, spreadOf, withFolder } from './campaign.ts';
import { type DigitNetwork, type Digits, digitNetwork, mnist, PIXELS } from './digit-networks.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    digits: { type: 'string', default: '100' },
    execs: { type: 'string', default: '50000' },
    searches: { type: 'string', default: 'gradients,margins,control' },
    pairs: { type: 'string', default: 'dense-float16,convolution-int8' },
  },
});

const LINF = 0.4;

/** Passes of a mutant: the network and its copy. */
const PASSES_PER_MUTANT = 2;

/** Digits that an int8 copy is calibrated on. */
const CALIBRATION = 500;

const SEARCHES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gradients: {},
  margins: { gradients: 'off' },
  coverage: { guidance: 'ann' },
  control: { guidance: 'none' },
};

async function copyOf(path: string, kind: Quantization, { images }: Digits, folder: string): Promise<string> {
  const model = new BatchedModel(await loadModel(path, { runtime: 'auto' }));
  const form = shapeSignatureOf([{ name: 'image', type: 'float32', shape: [28, 28, 1], size: PIXELS }]);
  const rows = Array.from({ length: CALIBRATION }, (_, i) => ({
    form,
    inputs: [images.subarray(i * PIXELS, (i + 1) * PIXELS)],
  }));
  const files = await deriveQuantizedModel(path, kind, (tensors) =>
    calibrateRanges(model, rows, tensors, () => {}),
  );
  await model.model.dispose();
  const [[name, bytes]] = files;
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

/** The class of each digit. */
async function classesOf(path: string, { images, labels }: Digits): Promise<number[]> {
  const model = await loadModel(path, { runtime: 'auto' });
  const shape = [labels.length, 28, 28, 1];
  const { outputs } = await model.run([{ type: 'float32', shape, data: images.slice() }], []);
  await model.dispose();
  return Array.from(labels, (_, row) => {
    const logits = (outputs[0].data as Float32Array).subarray(row * 10, row * 10 + 10);
    return logits.indexOf(Math.max(...logits));
  });
}

const { training, heldOut } = await mnist(options.data);

await withFolder(async (folder) => {
  for (const pair of tracked('quantization', 'pair', options.pairs.split(','))) {
    const [network, kind] = pair.split('-') as [DigitNetwork, Quantization];
    const model = await digitNetwork(
      network,
      training,
      options.cache,
      (text) => void process.stderr.write(`${text}\n`),
    );
    const copy = await copyOf(model, kind, training, folder);
    const [classes, copyClasses] = [await classesOf(model, heldOut), await classesOf(copy, heldOut)];
    const alike = classes.flatMap((value, row) => (value === copyClasses[row] ? [row] : []));
    line({
      bench: 'quantization',
      pair,
      heldOut: classes.length,
      accuracy: classes.filter((value, row) => value === heldOut.labels[row]).length / classes.length,
      alike: alike.length / classes.length,
    });
    for (const search of options.searches.split(',')) {
      const execs: number[] = [];
      const passes: number[] = [];
      const seconds: number[] = [];
      let found = 0;
      for (const row of alike.slice(0, Number(options.digits))) {
        const seeds = join(folder, `digit-${row}.npz`);
        const data = heldOut.images.slice(row * PIXELS, (row + 1) * PIXELS);
        await writeFile(seeds, encodeNpz([['image', { type: 'float32', shape: [1, 28, 28, 1], data }]]));
        const out = join(folder, `${pair}-${search}-${row}`);
        await mkdir(out, { recursive: true });
        const { statistics } = await campaign({
          model,
          against: copy,
          // As the paper counts them: a tie is a disagreement too.
          objective: ['quantization:ties=fault'],
          seeds,
          range: [-1, 1],
          linf: LINF,
          ...SEARCHES[search],
          execs: Number(options.execs),
          untilFinding: true,
          seed: String(row),
          out,
        });
        const first = statistics.faults.find(({ kept }) => kept > 0);
        if (first !== undefined) found++;
        execs.push(first?.firstExecs ?? Number(options.execs));
        // Of whole tasks, with the gradients that a task took after its finding.
        passes.push(PASSES_PER_MUTANT * statistics.forwardEquivalents);
        seconds.push(first?.firstSeconds ?? statistics.elapsedSeconds);
        await rm(out, { recursive: true });
      }
      line({
        bench: 'quantization',
        pair,
        search,
        digits: execs.length,
        found: found / execs.length,
        ...spreadOf('Execs', execs),
        ...spreadOf('Passes', passes),
        ...spreadOf('Seconds', seconds),
      });
    }
  }
});
