import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { calibrateRanges } from '../../src/model/quantize/calibrate-ranges.ts';
import { deriveQuantizedModel } from '../../src/model/quantize/derive.ts';
import type { Quantization } from '../../src/model/quantize/kind.ts';
import { shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { campaign } from '../campaign.ts';
import { type DigitNetwork, type Digits, digitNetwork, PIXELS } from '../digit-networks.ts';

/** Distance of TensorFuzz's second experiment, of a span of 2. */
const LINF = 0.4;

/** Passes of a mutant: the network and its copy. */
const PASSES_PER_MUTANT = 2;

/** Digits that an int8 copy is calibrated on. */
const CALIBRATION = 500;

/** A network with its quantized copy, and the held-out digits that both classify alike. */
export interface QuantizedPair {
  readonly model: string;
  readonly copy: string;
  readonly heldOut: Digits;
  /** Share of the held-out digits that the network classifies right. */
  readonly accuracy: number;
  /** Rows of the held-out digits. */
  readonly alike: readonly number[];
}

/** A search around one digit. */
export interface DigitSearch {
  readonly isFound: boolean;
  /** Mutants until the first disagreement, or all of them. */
  readonly execs: number;
  /** Of whole tasks, with the gradients that a task took after its finding. */
  readonly passes: number;
  readonly seconds: number;
}

/** Trains the network if it is not in the cache, and writes its quantized copy into a folder. */
export async function quantizedPair(
  network: DigitNetwork,
  kind: Quantization,
  { training, heldOut }: { readonly training: Digits; readonly heldOut: Digits },
  cache: string,
  folder: string,
): Promise<QuantizedPair> {
  const log = (text: string): void => void process.stderr.write(`${text}\n`);
  const model = await digitNetwork(network, training, cache, log);
  const copy = await copyOf(model, kind, training, folder);
  const [classes, copyClasses] = [await classesOf(model, heldOut), await classesOf(copy, heldOut)];
  return {
    model,
    copy,
    heldOut,
    accuracy: classes.filter((value, row) => value === heldOut.labels[row]).length / classes.length,
    alike: classes.flatMap((value, row) => (value === copyClasses[row] ? [row] : [])),
  };
}

/** Searches for a disagreement of the pair within the distance of a held-out digit, with its row as the master seed. */
export async function searchDigit(
  { model, copy, heldOut }: QuantizedPair,
  row: number,
  settings: Readonly<Record<string, unknown>>,
  execs: number,
  folder: string,
): Promise<DigitSearch> {
  const seeds = join(folder, 'digit.npz');
  const data = heldOut.images.slice(row * PIXELS, (row + 1) * PIXELS);
  await writeFile(seeds, encodeNpz([['image', { type: 'float32', shape: [1, 28, 28, 1], data }]]));
  const out = join(folder, `digit-${row}`);
  await mkdir(out, { recursive: true });
  const { statistics } = await campaign({
    model,
    against: copy,
    // As the paper counts them: a tie is a disagreement too.
    objective: ['quantization:ties=fault'],
    seeds,
    range: [-1, 1],
    linf: LINF,
    ...settings,
    execs,
    untilFinding: true,
    seed: String(row),
    out,
  });
  await rm(out, { recursive: true });
  const first = statistics.faults.find(({ kept }) => kept > 0);
  return {
    isFound: first !== undefined,
    execs: first?.firstExecs ?? execs,
    passes: PASSES_PER_MUTANT * statistics.forwardEquivalents,
    seconds: first?.firstSeconds ?? statistics.elapsedSeconds,
  };
}

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
