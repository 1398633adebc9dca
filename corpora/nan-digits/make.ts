import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { randomStream } from '../../src/core/random.ts';
import { decodeIdx } from '../../src/inputs/formats/idx.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { startTfjs } from '../../src/model/formats/tfjs/backend.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { drawDigit } from './digits.ts';
import { CLASSES, type Dataset, PIXELS, train } from './network.ts';
import { toOnnx } from './onnx.ts';
import { toTfjs } from './tfjs.ts';

/** Facts of the trained model, for its card; measured by ONNX Runtime on the written file. */
interface Card {
  readonly steps: number;
  readonly seed: string;
  readonly trainedOn: string;
  readonly heldOut: number;
  readonly accuracy: number;
  readonly nonFinite: number;
  readonly largestLogit: number;
  readonly smallestLogit: number;
  /** Largest difference between the logits of one digit. */
  readonly largestSpread: number;
}

interface Options {
  /** Folder with the MNIST test set; our own digits without it. */
  readonly data?: string | undefined;
  readonly out: string;
  readonly steps: number;
  readonly seed: string;
  readonly log: (line: string) => void;
}

const DRAWN = { train: 9000, heldOut: 1000, seeds: 40 };

/** TensorFuzz trains for 35,000 steps. On our cleaner digits the loss itself becomes NaN between 20,000 and 25,000. */
const STEPS = { mnist: 35_000, drawn: 10_000 };

/**
 * Trains the digit classifier and writes `nan-digits.onnx`, `nan-digits-tfjs/` and `seeds.npz` into a folder.
 */
export async function makeNanDigits(options: Options): Promise<Card> {
  const runtime = await startTfjs('auto');
  options.log(`training on ${runtime.kind} (${runtime.version})`);
  const [trainingSet, heldOut] = options.data === undefined ? drawn(options.seed) : await mnist(options.data);
  const layers = train(trainingSet, options.steps, options.seed, options.log);
  const onnx = join(options.out, 'nan-digits.onnx');
  const tfjs = toTfjs(layers);
  await mkdir(join(options.out, 'nan-digits-tfjs'), { recursive: true });
  await writeFile(onnx, toOnnx(layers));
  await writeFile(join(options.out, 'nan-digits-tfjs', 'model.json'), tfjs.json);
  await writeFile(join(options.out, 'nan-digits-tfjs', tfjs.weightFile), tfjs.weights);
  await writeFile(join(options.out, 'seeds.npz'), npz(heldOut, DRAWN.seeds));
  const card = await measure(onnx, heldOut, options);
  options.log(JSON.stringify(card));
  return card;
}

function drawn(seed: string): [Dataset, Dataset] {
  const random = randomStream(seed, 'digits');
  const draw = (count: number): Dataset => {
    const images = new Float32Array(count * PIXELS);
    const labels = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      labels[i] = i % CLASSES;
      images.set(drawDigit(labels[i], random), i * PIXELS);
    }
    return { images, labels };
  };
  return [draw(DRAWN.train), draw(DRAWN.heldOut)];
}

/** Rows 0–8999 of MNIST's test set to train on, 9000–9999 held out. */
async function mnist(folder: string): Promise<[Dataset, Dataset]> {
  const read = async (name: string) => decodeIdx(await readFile(join(folder, name)), name);
  const pixels = (await read('t10k-images-idx3-ubyte.gz')).data as Uint8Array;
  const labels = Int32Array.from((await read('t10k-labels-idx1-ubyte.gz')).data as Uint8Array);
  const images = Float32Array.from(pixels, (value) => value / 127.5 - 1);
  const cut = (from: number, to: number): Dataset => ({
    images: images.subarray(from * PIXELS, to * PIXELS),
    labels: labels.subarray(from, to),
  });
  return [cut(0, 9000), cut(9000, 10000)];
}

function npz(data: Dataset, count: number): Uint8Array {
  const rows = Math.min(count, data.labels.length);
  return encodeNpz([
    ['image', { type: 'float32', shape: [rows, 28, 28, 1], data: data.images.subarray(0, rows * PIXELS) }],
    ['label', { type: 'int32', shape: [rows], data: data.labels.subarray(0, rows) }],
  ]);
}

async function measure(path: string, data: Dataset, options: Options): Promise<Card> {
  const model = await loadModel(path, { runtime: 'auto' });
  const rows = data.labels.length;
  const { outputs, activations } = await model.run(
    [
      { type: 'float32', shape: [rows, 28, 28, 1], data: data.images.slice() },
      { type: 'int32', shape: [rows], data: data.labels.slice() },
    ],
    ['logits'],
  );
  await model.dispose();
  const logits = activations[0].data as Float32Array;
  let right = 0;
  let largestSpread = 0;
  for (let row = 0; row < rows; row++) {
    const own = logits.subarray(row * CLASSES, (row + 1) * CLASSES);
    const top = Math.max(...own);
    if (own.indexOf(top) === data.labels[row]) right++;
    largestSpread = Math.max(largestSpread, top - Math.min(...own));
  }
  const nonFinite = outputs
    .flatMap((output) => [...(output.data as Float32Array)])
    .filter((v) => !Number.isFinite(v));
  return {
    steps: options.steps,
    seed: options.seed,
    trainedOn: options.data === undefined ? 'digits drawn by digits.ts' : 'MNIST test rows 0-8999',
    heldOut: rows,
    accuracy: right / rows,
    nonFinite: nonFinite.length,
    largestLogit: Math.max(...logits),
    smallestLogit: Math.min(...logits),
    largestSpread,
  };
}

/** This file's folder among the sources, also when it runs from dist/. */
function sourceFolder(): string {
  return dirname(fileURLToPath(import.meta.url)).replace(`${join('dist', 'corpora')}`, 'corpora');
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      out: { type: 'string', default: sourceFolder() },
      steps: { type: 'string' },
      seed: { type: 'string', default: 'nan-digits' },
    },
  });
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const steps = Number(values.steps ?? (values.data === undefined ? STEPS.drawn : STEPS.mnist));
  await makeNanDigits({ data: values.data, out: values.out, steps, seed: values.seed, log });
}
