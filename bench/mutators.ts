/**
 * Measures the speed of each mutator in million values per second, on one core, with rows of 784 values in batches of
 * 256: 28×28 images, tables of 784 columns, sequences of 784 tokens, 49 strings of up to 16 characters. `bounds` names the constraints applied.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawDigit } from '../corpora/nan-digits/digits.ts';
import { BoundsTracker, makeWorkingArray, type WorkingArray } from '../src/constraints/bounds.ts';
import { randomStream } from '../src/core/random.ts';
import { parameterValues } from '../src/extensions/parameters.ts';
import { resolveImageFormat } from '../src/inputs/image.ts';
import type { InputDescriptor } from '../src/inputs/input-descriptor.ts';
import type { MutationContext, MutatorKind } from '../src/mutators/mutator.ts';
import { MUTATORS, makeMutator } from '../src/mutators/registry.ts';
import { NoisePool } from '../src/mutators/simd/noise-pool.ts';
import { encodeNpy } from '../src/tensor/npy.ts';
import { codePointsOf, encodeStrings, MAX_CODE_POINT } from '../src/tensor/strings.ts';
import { line, median } from './campaign.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '0.3' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
});

const SIZE = 784;
const ROWS = 256;
/** Consecutive mutants of one parent, as in a campaign. */
const TURNS = 8;
const PARENTS = 32;
const STRING_WIDTH = 16;

function inputFor({ domains }: MutatorKind): InputDescriptor {
  const common = {
    name: 'x',
    size: SIZE,
    columns: undefined,
    fixed: undefined,
    tokens: undefined,
    picture: undefined,
  };
  if (domains.includes('tokens') || domains.includes('text')) {
    const vocabulary = Array.from({ length: 128 }, (_, id) => String.fromCharCode(id));
    const tokens = { special: [0], length: [1, SIZE] as const, vocabulary, dictionary: [[5, 6, 7]] };
    return { ...common, type: 'int64', domains: ['tokens', 'text'], range: { low: 0, high: 127 }, tokens };
  }
  if (domains.includes('strings')) {
    const words = ['red', 'green', 'blue'].map(codePointsOf);
    const strings = { width: STRING_WIDTH, words, alphabet: codePointsOf('abc '), areTexts: true };
    return {
      ...common,
      type: 'uint32',
      domains: ['strings'],
      range: { low: 0, high: MAX_CODE_POINT },
      strings,
    };
  }
  if (domains.includes('table')) {
    const columns = Array.from({ length: SIZE }, () => ({ kind: 'integer' }) as const);
    return { ...common, type: 'float32', domains: ['table'], range: { low: -100, high: 100 }, columns };
  }
  if (domains.includes('audio'))
    return { ...common, type: 'float32', domains: ['audio'], range: { low: -1, high: 1 } };
  if (domains.includes('splits')) {
    const splits = Array.from({ length: SIZE }, (_, i) => [i, i + 0.5, i + 1]);
    return { ...common, type: 'float32', domains: ['splits'], range: { low: 0, high: SIZE }, splits };
  }
  const spec = { name: 'x', type: 'float32', shape: [28, 28, 1] } as const;
  const domain = domains.includes('image') ? 'image' : 'numbers';
  const picture = resolveImageFormat(spec, undefined, [-1, 1]);
  return { ...common, type: 'float32', domains: [domain, 'numbers'], range: { low: -1, high: 1 }, picture };
}

function rowsFor({ tokens, columns, strings }: InputDescriptor, type: 'float32' | 'float64'): WorkingArray[] {
  const random = randomStream('bench', 'mutators');
  return Array.from({ length: PARENTS }, (_, n) => {
    if (strings !== undefined) {
      const texts = Array.from({ length: SIZE / STRING_WIDTH }, () => 'red and blue'.slice(random.below(8)));
      return Float64Array.from(encodeStrings(texts, [texts.length], STRING_WIDTH).data as Uint32Array);
    }
    if (tokens === undefined && columns === undefined) return drawDigit(n % 10, random);
    return makeWorkingArray(type, SIZE).map(() => 1 + random.below(100)) as WorkingArray;
  });
}

/** Writes a program for `program`, which is for inputs of numbers; returns its path. */
async function programFile(): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'neurofuzz-bench-')), 'program.npy');
  const data = Float32Array.from({ length: SIZE }, (_, i) => Math.sin(i));
  await writeFile(path, encodeNpy({ type: 'float32', shape: [SIZE], data }));
  return path;
}

async function measure(kind: MutatorKind, linf: number | undefined): Promise<number> {
  const input = inputFor(kind);
  const isFloat = input.type === 'float32';
  const noise = new NoisePool('bench', isFloat ? [SIZE * ROWS] : [], SIZE);
  const block = isFloat ? noise.inputs[0] : new Float64Array(SIZE * ROWS);
  const parents = rowsFor(input, isFloat ? 'float32' : 'float64');
  const bounds = parents.map((parent) =>
    new BoundsTracker(isFloat ? 'float32' : 'float64', SIZE, { range: input.range, linf }).centreOn(parent),
  );
  const words = kind.name === 'program' ? { file: await programFile() } : {};
  const mutator = makeMutator({ spec: kind.name, kind, values: parameterValues(), words }, input);
  const random = randomStream('bench', kind.name);
  const given: { -readonly [K in keyof MutationContext]: MutationContext[K] } = {
    random,
    noise,
    arithmetic: noise.vectorMath,
    bounds: bounds[0],
    shape:
      input.strings !== undefined
        ? [SIZE / STRING_WIDTH, STRING_WIDTH]
        : input.picture === undefined
          ? [SIZE]
          : [28, 28, 1],
    partner: parents[0],
    mutantIndex: 0,
    mutantCount: TURNS,
  };
  const run = (): void => {
    noise.refresh(random);
    for (let row = 0; row < ROWS; row++) {
      const n = Math.floor(row / TURNS) % PARENTS;
      given.bounds = bounds[n];
      given.partner = parents[(n + 1) % PARENTS];
      given.mutantIndex = row % TURNS;
      mutator.mutate(block, row * SIZE, parents[n], given);
      if (kind.staysInBounds !== true) noise.vectorMath.clip(block, row * SIZE, SIZE, bounds[n]);
    }
  };
  for (let n = 0; n < 20; n++) run();
  const rates = Array.from({ length: Number(options.rounds) }, () => {
    const start = performance.now();
    let blocks = 0;
    while (performance.now() - start < 1000 * Number(options.seconds)) {
      run();
      blocks++;
    }
    return (blocks * ROWS * SIZE) / (performance.now() - start) / 1000;
  });
  return median(rates);
}

for (const kind of tracked('mutators', 'mutator', MUTATORS.list())) {
  if (options.only !== undefined && !options.only.split(',').includes(kind.name)) continue;
  for (const linf of kind.domains.includes('numbers') ? [undefined, 0.2] : [undefined]) {
    line({
      bench: 'mutators',
      mutator: kind.name,
      bounds: linf === undefined ? 'range' : 'range and linf',
      millionValuesPerSecond: Number((await measure(kind, linf)).toPrecision(3)),
    });
  }
}
