/**
 * Measures characters per second of the bundled character model, in batches of 64: a campaign with one worker and
 * coverage only, over raw generation of the same batches by one process, on ONNX Runtime and on TensorFlow.js' wasm;
 * and the cost of a character by length of the answer, with and without recurrent state. Prints a JSON line for each.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fromOnnx, toWholeOnnx } from '../corpora/char-lm/onnx.ts';
import { toTfjs } from '../corpora/char-lm/tfjs.ts';
import { BatchedModel } from '../src/model/batched-model.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import { makeTestcaseInput, shapeSignatureOf, type TestcaseBatch } from '../src/model/testcase-batch.ts';
import { campaign, line, median, withFolder } from './campaign.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    lengths: { type: 'string', default: '32,128,512' },
    whole: { type: 'string', default: '32,64,128' },
  },
});

const FOLDER = 'corpora/char-lm';
const ONNX = join(FOLDER, 'char-lm.onnx');
const VOCABULARY = join(FOLDER, 'vocabulary.json');
const PROMPTS = join(FOLDER, 'prompts.txt');
const BATCH = 64;
const ANSWER = 64;

const generateOf = (length: number) => ({ vocabulary: VOCABULARY, length, temperature: 0.7 });

const settingsOf = (length: number) => ({ ...generateOf(length), seed: '1', start: [], end: [] });

await withFolder(async (folder) => {
  const plain = await loadModel(ONNX, { runtime: 'auto' });
  const tokens = (JSON.parse(await readFile(VOCABULARY, 'utf8')) as string[]).length;
  const weights = fromOnnx((name) => plain.constant(name), tokens);
  await plain.dispose();
  const tfjs = join(folder, 'tfjs');
  await mkdir(tfjs);
  const files = toTfjs(weights, tokens);
  await writeFile(join(tfjs, 'model.json'), files.json);
  await writeFile(join(tfjs, files.weightFile), files.weights);
  const whole = join(folder, 'whole.onnx');
  await writeFile(whole, toWholeOnnx(weights, tokens));

  for (const [runtime, model] of [
    ['onnx', ONNX],
    ['wasm', join(tfjs, 'model.json')],
  ] as const) {
    const raw: number[] = [];
    const ratios: number[] = [];
    for (let round = 0; round < Number(options.rounds); round++) {
      raw.push(await charactersPerSecond(model, runtime, ANSWER, Number(options.seconds)));
      const { statistics } = await campaign({
        model,
        runtime,
        seeds: PROMPTS,
        generate: generateOf(ANSWER),
        objective: [`text:words,file=${join(FOLDER, 'forbidden.txt')}`, 'text:repeated-word'],
        // Coverage only: lookahead generates no answers, and the cost of confirming findings does not depend on the duration.
        guidance: 'ann',
        keep: 1,
        batch: BATCH,
        jobs: 1,
        time: `${options.seconds}s`,
        seed: String(round),
        out: join(folder, `${runtime}-${round}`),
      });
      ratios.push((statistics.execsPerSecond * ANSWER) / raw[round]);
    }
    line({
      bench: 'text-speed',
      runtime,
      batch: BATCH,
      charactersPerSecond: Math.round(median(raw)),
      campaignOverRaw: Number(median(ratios).toFixed(2)),
      rounds: ratios.map((ratio) => Number(ratio.toFixed(2))),
    });
  }
  const costs = async (model: string, lengths: string) => {
    const microseconds: Record<string, number> = {};
    for (const length of lengths.split(',').map(Number))
      microseconds[length] = Number((1e6 / (await charactersPerSecond(model, 'onnx', length, 3))).toFixed(2));
    return microseconds;
  };
  line({
    bench: 'text-speed',
    state: 'passed round',
    microsecondsByLength: await costs(ONNX, options.lengths),
  });
  line({ bench: 'text-speed', state: 'none', microsecondsByLength: await costs(whole, options.whole) });
});

/** Characters per second that one process generates from prepared batches of the prompts. */
async function charactersPerSecond(
  path: string,
  runtime: 'onnx' | 'wasm',
  length: number,
  seconds: number,
): Promise<number> {
  const model = await loadModel(path, { runtime, generate: settingsOf(length) });
  const rows = new BatchedModel(model);
  const encode = (text: string): readonly number[] =>
    model.capabilities.textGeneration?.tokenizer.encode(text) ?? [];
  const prompts = (await readFile(PROMPTS, 'utf8'))
    .split('\n')
    .filter((prompt) => prompt !== '')
    .map(encode);
  const width = Math.max(...prompts.map((ids) => ids.length));
  const ids = new Int32Array(BATCH * width).fill(-1);
  for (let row = 0; row < BATCH; row++) ids.set(prompts[row % prompts.length], row * width);
  const block: TestcaseBatch = {
    form: shapeSignatureOf([makeTestcaseInput(model.inputs[0], [width])]),
    inputs: [ids],
  };
  await rows.run(block, BATCH, []);
  const start = performance.now();
  let runs = 0;
  do {
    await rows.run(block, BATCH, []);
    runs++;
  } while (performance.now() - start < 1000 * seconds);
  const took = (performance.now() - start) / 1000;
  await model.dispose();
  return (runs * BATCH * length) / took;
}
