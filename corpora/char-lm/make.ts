import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { startTfjs } from '../../src/model/formats/tfjs/backend.ts';
import type { GenerationSettings } from '../../src/model/language/generation.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { train, type Weights, weightShapes } from './network.ts';
import { toOnnx } from './onnx.ts';

interface Options {
  /** The text to train on. */
  readonly data: string;
  readonly out: string;
  readonly steps: number;
  readonly seed: string;
  /** Weights of an earlier run, which are then not trained again. */
  readonly weights?: string | undefined;
  readonly log: (line: string) => void;
}

/** Share of the text that is trained on; the rest, at its end, is held out. */
const TRAINED = 0.95;

/** Trains the character model and writes it with its vocabulary into a folder. */
async function makeCharLm({ data, out, steps, seed, weights: given, log }: Options): Promise<void> {
  const text = await readFile(data, 'utf8');
  const characters = [...new Set(text)].sort();
  const ids = Int32Array.from(text, (character) => characters.indexOf(character));
  const from = Math.floor(TRAINED * ids.length);
  const weights = given === undefined ? await trained() : await read(given);
  async function trained(): Promise<Weights> {
    const { kind, version } = await startTfjs('auto');
    log(`training on ${kind} (${version})`);
    const { weights: made, loss } = train({
      training: ids.subarray(0, from),
      heldOut: ids.subarray(from),
      tokens: characters.length,
      steps,
      seed,
      log,
    });
    log(`held out: ${loss.toFixed(4)} nats a character`);
    const path = join(out, 'weights.npz');
    await writeFile(
      path,
      encodeNpz(
        weightShapes(characters.length).map(({ name, shape }) => [
          name.replace('/', '.'),
          { type: 'float32' as const, shape: [...shape], data: made[name] },
        ]),
      ),
    );
    log(`${path} holds the weights as they are: --weights makes the model of them again`);
    return made;
  }
  await mkdir(out, { recursive: true });
  const onnx = join(out, 'char-lm.onnx');
  const vocabulary = join(out, 'vocabulary.json');
  await writeFile(onnx, toOnnx(weights, characters.length));
  await writeFile(vocabulary, `${JSON.stringify(characters)}\n`);
  log(await sample(onnx, { vocabulary, length: 400, temperature: 0.7, seed: '1', start: [], end: [] }));
}

async function read(path: string): Promise<Weights> {
  const arrays = decodeNpz(await readFile(path), path);
  return Object.fromEntries([...arrays].map(([name, { data }]) => [name.replace('.', '/'), data])) as Weights;
}

/** What the model says to one prompt. */
async function sample(path: string, generate: GenerationSettings): Promise<string> {
  const model = await loadModel(path, { runtime: 'auto', generate });
  const rows = new BatchedModel(model);
  const ids = Int32Array.from(model.capabilities.textGeneration?.tokenizer.encode('Friend:\n') ?? []);
  const form = shapeSignatureOf([makeTestcaseInput(model.inputs[0], [ids.length])]);
  const { texts = [] } = await rows.run({ form, inputs: [ids] }, 1, []);
  await model.dispose();
  return `${texts[0].prompt}${texts[0].answer}`;
}

/** This file's folder among the sources, also when it runs from dist/. */
function sourceFolder(): string {
  return dirname(fileURLToPath(import.meta.url)).replace(`${join('dist', 'corpora')}`, 'corpora');
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: '../shared/data/tinyshakespeare.txt' },
      out: { type: 'string', default: sourceFolder() },
      steps: { type: 'string', default: '3000' },
      seed: { type: 'string', default: '1' },
      weights: { type: 'string' },
    },
  });
  const { data, out, seed, weights } = values;
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  await makeCharLm({ data, out, steps: Number(values.steps), seed, weights, log });
}
