import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { fromOnnx, toWholeOnnx } from '../../../corpora/char-lm/onnx.ts';
import { randomStream } from '../../../src/core/random.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import type { TextGeneration } from '../../../src/model/language/generation.ts';
import type { CandidateContinuation } from '../../../src/model/language/prefilled-prompts.ts';
import type { Model } from '../../../src/model/model.ts';
import { sizeOf, type Tensor } from '../../../src/tensor/tensor.ts';
import { testFolder } from '../../support/folder.ts';
import { writeVocabulary } from '../../support/language.ts';

const folder = testFolder();
const CHARACTERS = [...'abcdefgh'];
const SIZE = CHARACTERS.length;
const HIDDEN = 5;
const vocabulary = writeVocabulary(folder, CHARACTERS);
const open: Model[] = [];

afterAll(async () => {
  for (const model of open) await model.dispose();
});

const random = randomStream('prompt-gradients');
const drawn = (...shape: number[]): Float32Array =>
  Float32Array.from({ length: sizeOf(shape) }, () => 3 * random.uniform() - 1.5);
const WEIGHTS = { table: drawn(SIZE, HIDDEN), recurrent: drawn(HIDDEN, HIDDEN), out: drawn(HIDDEN, SIZE) };

/** h′ = tanh(e + h·R), logits h′·O; for one step with a state, or as an RNN over whole texts of one-hot tokens or ids. */
const KINDS = ['step by step', 'whole texts', 'last place', 'one-hot', 'fixed window'] as const;

async function load(kind: (typeof KINDS)[number]): Promise<TextGeneration> {
  const graph = new OnnxBuilder();
  graph.constant('table', 'float32', [SIZE, HIDDEN], WEIGHTS.table);
  graph.constant('out', 'float32', [HIDDEN, SIZE], WEIGHTS.out);
  if (kind === 'step by step') {
    graph.constant('recurrent', 'float32', [HIDDEN, HIDDEN], WEIGHTS.recurrent);
    const before = graph.input('h_in', 'float32', ['batch', HIDDEN]);
    const embedded = graph.node('Gather', ['table', graph.input('token', 'int64', ['batch'])], 'embedded');
    const carried = graph.node('MatMul', [before, 'recurrent'], 'carried');
    graph.node('Tanh', [graph.node('Add', [embedded, carried], 'sum')], 'h_out');
    graph.node('MatMul', ['h_out', 'out'], 'logits');
    graph.output('logits', 'float32', ['batch', SIZE]);
    graph.output('h_out', 'float32', ['batch', HIDDEN]);
  } else {
    const length = kind === 'fixed window' ? 16 : 'length';
    const embedded =
      kind === 'one-hot'
        ? graph.node('MatMul', [graph.input('x', 'float32', ['batch', length, SIZE]), 'table'], 'embedded')
        : graph.node('Gather', ['table', graph.input('tokens', 'int64', ['batch', length])], 'embedded');
    const steps = graph.node('Transpose', [embedded], 'steps', { perm: [1, 0, 2] });
    const identity = new Float32Array(HIDDEN * HIDDEN);
    const transposed = new Float32Array(HIDDEN * HIDDEN);
    for (let i = 0; i < HIDDEN; i++) {
      identity[i * HIDDEN + i] = 1;
      for (let j = 0; j < HIDDEN; j++) transposed[j * HIDDEN + i] = WEIGHTS.recurrent[i * HIDDEN + j];
    }
    graph.constant('w', 'float32', [1, HIDDEN, HIDDEN], identity);
    graph.constant('r', 'float32', [1, HIDDEN, HIDDEN], transposed);
    const all = graph.node('RNN', [steps, 'w', 'r'], 'all', { hidden_size: HIDDEN });
    graph.constant('axis', 'int64', [1], BigInt64Array.of(1n));
    const hidden = graph.node('Squeeze', [all, 'axis'], 'hidden');
    const byRow = graph.node('Transpose', [hidden], 'by_row', { perm: [1, 0, 2] });
    if (kind === 'last place') {
      graph.constant('last', 'int64', [], BigInt64Array.of(-1n));
      graph.node('MatMul', [graph.node('Gather', [byRow, 'last'], 'end', { axis: 1 }), 'out'], 'logits');
      graph.output('logits', 'float32', ['batch', SIZE]);
    } else {
      graph.node('MatMul', [byRow, 'out'], 'logits');
      graph.output('logits', 'float32', ['batch', length, SIZE]);
    }
  }
  const path = join(folder, `${kind.replaceAll(' ', '-')}.onnx`);
  writeFileSync(path, graph.finish('rnn'));
  return generationOf(path, vocabulary);
}

async function generationOf(path: string, vocabularyPath: string): Promise<TextGeneration> {
  const generate = {
    vocabulary: vocabularyPath,
    length: 4,
    temperature: 0.7,
    seed: '1',
    start: [0],
    end: [],
  };
  const model = await loadModel(path, { runtime: 'auto', generate });
  open.push(model);
  const { textGeneration } = model.capabilities;
  if (textGeneration === undefined) throw new Error('no language model');
  return textGeneration;
}

const PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 1, 2]];
const WIDTH = 6;
const CONTINUATIONS: readonly CandidateContinuation[] = [
  { ids: [2, 3], scoredFrom: 0 },
  { ids: [1], scoredFrom: 0, followedBy: (id) => id >= 5 },
  { ids: [3, 3, 4], scoredFrom: 1 },
];

function padded(prompts: readonly (readonly number[])[], width = WIDTH): Tensor {
  const data = new Int32Array(prompts.length * width).fill(-1);
  prompts.forEach((prompt, row) => {
    data.set(prompt, row * width);
  });
  return { type: 'int32', shape: [prompts.length, width], data };
}

/** By row and position, the gain of each token by its id. */
async function gainsOf(
  generation: TextGeneration,
  prompts = PROMPTS,
  continuations = CONTINUATIONS,
  width = WIDTH,
): Promise<number[]> {
  const size = generation.vocabularySize;
  const found = await generation.promptReplacements(
    padded(prompts, width),
    continuations,
    new Float32Array(size),
    size,
  );
  const gains = new Array<number>(prompts.length * width * size).fill(0);
  found.tokens.forEach((token, i) => {
    gains[Math.floor(i / size) * size + token] = found.gains[i];
  });
  return gains;
}

/**
 * The same gains by central differences of our own forward pass: of −log₂ P(continuation | start, prompt) in the embedding of one
 * position, along the way to another token's.
 */
function differences(): number[] {
  const row = (table: Float32Array, i: number, width: number): number[] => [
    ...table.subarray(i * width, (i + 1) * width),
  ];
  const lossOf = (embedded: readonly (readonly number[])[], index: number): number => {
    const { ids, scoredFrom, followedBy } = CONTINUATIONS[index];
    let h = new Array<number>(HIDDEN).fill(0);
    const forward = (e: readonly number[]): void => {
      h = e.map((value, j) =>
        Math.tanh(h.reduce((sum, hi, i) => sum + hi * WEIGHTS.recurrent[i * HIDDEN + j], value)),
      );
    };
    const probability = (accepts: (id: number) => boolean): number => {
      const weights = Array.from({ length: SIZE }, (_, k) =>
        Math.exp(h.reduce((sum, hi, i) => sum + hi * WEIGHTS.out[i * SIZE + k], 0) / 0.7),
      );
      const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
      return sum(weights.filter((_, k) => accepts(k))) / sum(weights);
    };
    embedded.forEach(forward);
    let loss = 0;
    ids.forEach((id, step) => {
      if (step >= scoredFrom) loss -= Math.log2(probability((k) => k === id));
      forward(row(WEIGHTS.table, id, HIDDEN));
    });
    return followedBy === undefined ? loss : loss - Math.log2(probability(followedBy));
  };
  const gains = new Array<number>(PROMPTS.length * WIDTH * SIZE).fill(0);
  PROMPTS.forEach((prompt, index) => {
    const embedded = [0, ...prompt].map((id) => row(WEIGHTS.table, id, HIDDEN));
    prompt.forEach((_, position) => {
      for (let token = 0; token < SIZE; token++) {
        const target = row(WEIGHTS.table, token, HIDDEN);
        const moved = (step: number): number =>
          lossOf(
            embedded.map((e, i) => (i === position + 1 ? e.map((v, j) => v + step * (target[j] - v)) : e)),
            index,
          );
        const step = 1e-5;
        gains[(index * WIDTH + position) * SIZE + token] = -(moved(step) - moved(-step)) / (2 * step);
      }
    });
  });
  return gains;
}

describe.each(KINDS)('replacements of the tokens of prompts, by a network that reads %s', (kind) => {
  test('are forecast as by central differences, for prompts of several lengths in one batch', async () => {
    const generation = await load(kind);
    expect(generation.isDifferentiable).toBe(true);
    const expected = differences();
    const gains = await gainsOf(generation);
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.5);
    gains.forEach((gain, i) => {
      expect(Math.abs(gain - expected[i])).toBeLessThan(1e-3);
    });
  });
});

test('the bundled model gives the same step by step as for whole texts', async () => {
  const path = 'corpora/char-lm/char-lm.onnx';
  const bundled = await loadModel(path, { runtime: 'auto' });
  open.push(bundled);
  const tokens = JSON.parse(readFileSync('corpora/char-lm/vocabulary.json', 'utf8')).length;
  const whole = join(folder, 'char-lm-whole.onnx');
  writeFileSync(whole, toWholeOnnx(fromOnnx(bundled.constant, tokens), tokens));
  const vocabularyPath = 'corpora/char-lm/vocabulary.json';
  const prompts = [
    [20, 5, 40, 41],
    [50, 51],
  ];
  const continuations = [
    { ids: [1, 44, 45], scoredFrom: 0 },
    { ids: [46], scoredFrom: 0 },
  ];
  const [inSteps, atOnce] = await Promise.all(
    [path, whole].map(async (file) =>
      gainsOf(await generationOf(file, vocabularyPath), prompts, continuations, 4),
    ),
  );
  expect(Math.max(...inSteps.map(Math.abs))).toBeGreaterThan(0.5);
  inSteps.forEach((gain, i) => {
    expect(Math.abs(gain - atOnce[i])).toBeLessThan(1e-3 * Math.max(1, Math.abs(gain)));
  });
});

test('a transformer with a cache and a byte-level tokenizer has them too', async () => {
  const generation = await generationOf(
    'test/fixtures/tiny-gpt/model.onnx',
    'test/fixtures/tiny-gpt/tokenizer.json',
  );
  const { tokenizer } = generation;
  const prompt = tokenizer.encode('The cat') ?? [];
  const wanted = tokenizer.encode(' dog') ?? [];
  const continuation = { ids: wanted, scoredFrom: 0 };
  const count = 4;
  const found = await generation.promptReplacements(
    padded([prompt], prompt.length),
    [continuation],
    new Float32Array(generation.vocabularySize),
    count,
  );
  const prompts = [...found.tokens].map((token, i) => prompt.with(Math.floor(i / count), token));
  const { prefilled } = await generation.prefill(padded([prompt, ...prompts], prompt.length), []);
  const [before, ...after] =
    (await prefilled?.scoreContinuations([prompt, ...prompts].map(() => continuation))) ?? [];
  // A step to another token is far: the forecast errs, and of the best ones some are right.
  expect(Math.max(...after)).toBeGreaterThan(before + 1);
});
