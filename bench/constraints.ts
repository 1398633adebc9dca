/**
 * Generates ten million mutants with all mutators and sets of constraints, and verifies each with code that is
 * independent of the mutators. Prints a JSON line for each kind of input and set of constraints, and a total; exits
 * with 1 if a mutant violates a constraint.
 */
import { parseArgs } from 'node:util';
import type { ConstraintLimits } from '../src/constraints/constraint-limits.ts';
import { randomStream } from '../src/core/random.ts';
import type { InputDescriptor } from '../src/inputs/input-descriptor.ts';
import { shapeSignatureOf, type TestcaseBatch } from '../src/model/testcase-batch.ts';
import { fitsInput, MUTATORS } from '../src/mutators/registry.ts';
import { makeData, writeNumber } from '../src/tensor/tensor.ts';
import { line } from './campaign.ts';
import { checkLegality } from './legal.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({ options: { mutants: { type: 'string', default: '10000000' } } });

const PLAIN = { picture: undefined, columns: undefined, fixed: undefined, tokens: undefined } as const;
const SIDE = 12;
const VALUES = SIDE * SIDE;

const image: InputDescriptor = {
  ...PLAIN,
  name: 'image',
  type: 'float32',
  domains: ['numbers', 'image'],
  size: VALUES,
  range: { low: -1, high: 1 },
  picture: {
    height: SIDE,
    width: SIDE,
    channels: 1,
    channelsFirst: false,
    bgr: false,
    resize: 'crop',
    black: [-1],
    white: [1],
  },
};

const channels = Array.from({ length: 12 }, (_, i) => ({ low: -i, high: 10 * i + 1 }));
const table: InputDescriptor = {
  ...PLAIN,
  name: 'table',
  type: 'float32',
  domains: ['numbers', 'table'],
  size: 12,
  range: { low: -11, high: 111, channels, channelsFirst: false },
  columns: channels.map((_, i) => {
    if (i % 4 === 0) return { kind: 'range' };
    if (i % 4 === 1) return { kind: 'integer' };
    return i % 4 === 2 ? { kind: 'category', values: [-1, 0, 1, 7] } : { kind: 'fixed' };
  }),
};

const words = ['[CLS]', '[SEP]', ...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789 .'];
const text: InputDescriptor = {
  ...PLAIN,
  name: 'text',
  type: 'int64',
  domains: ['tokens', 'text'],
  size: 32,
  range: { low: 0, high: words.length - 1 },
  tokens: {
    special: [0, 1],
    length: [3, 32],
    vocabulary: words,
    dictionary: [
      [2, 3, 4],
      [20, 21],
    ],
  },
};

const levels: InputDescriptor = {
  ...PLAIN,
  name: 'levels',
  type: 'uint8',
  domains: ['numbers'],
  size: 48,
  range: { low: 3, high: 250 },
};
const halves: InputDescriptor = {
  ...levels,
  name: 'halves',
  type: 'float16',
  range: { low: -0.3, high: 0.7 },
};
const doubles: InputDescriptor = {
  ...levels,
  name: 'doubles',
  type: 'float64',
  range: { low: -1e3, high: 1e3 },
};
const switches: InputDescriptor = {
  ...levels,
  name: 'switches',
  type: 'bool',
  domains: ['flags'],
  range: { low: 0, high: 1 },
};

const NORMS: readonly ConstraintLimits[] = [
  {},
  { linf: 0.1 },
  { l2: 0.7 },
  { l0: 5 },
  { linf: 0.3, l2: 1 },
  { linf: 0.3, l0: 9 },
  { l2: 1, l0: 9 },
  { deephunter: { alpha: 0.05, beta: 0.2 } },
  { deephunter: { alpha: 0.05, beta: 0.2 }, linf: 0.5 },
  { linf: 0.4, l2: 1.5, l0: 20, deephunter: { alpha: 0.1, beta: 0.3 } },
];
const WIDE: readonly ConstraintLimits[] = [
  {},
  { linf: 2.5 },
  { l2: 4 },
  { l0: 2 },
  { linf: 3, l2: 5, l0: 3 },
];
const half = Uint8Array.from({ length: VALUES }, (_, i) => i % 2);

const CASES: readonly {
  readonly input: InputDescriptor;
  readonly sets: readonly ConstraintLimits[];
  readonly resizes?: boolean;
}[] = [
  { input: image, sets: NORMS },
  { input: { ...image, name: 'image, half of it fixed', fixed: half }, sets: NORMS.slice(0, 4) },
  { input: table, sets: WIDE },
  { input: text, sets: [{}, { edits: 1 }, { edits: 4 }], resizes: true },
  { input: { ...text, name: 'text of one length' }, sets: [{}, { edits: 2 }, { l0: 3 }] },
  { input: levels, sets: WIDE },
  { input: halves, sets: NORMS.slice(0, 7) },
  { input: doubles, sets: NORMS.slice(0, 7) },
  { input: switches, sets: [{}, { l0: 3 }] },
];

/** Legal seeds of an input. */
function seedsOf(input: InputDescriptor, resizes: boolean): TestcaseBatch[] {
  const { name, type, range, tokens, columns, picture } = input;
  const random = randomStream('constraints', name);
  return Array.from({ length: 24 }, (_, n) => {
    const size = resizes ? 5 + (n % 20) : input.size;
    const data = makeData(type, size);
    for (let i = 0; i < size; i++) {
      const { low, high } = range.channels?.[i % range.channels.length] ?? range;
      const column = columns?.[i % columns.length];
      const drawn = low + (high - low) * random.uniform();
      const value = column?.kind === 'category' ? column.values[random.below(column.values.length)] : drawn;
      const isWhole = column?.kind === 'integer' || tokens !== undefined;
      writeNumber(type, data, i, isWhole ? Math.ceil(value) : value);
    }
    if (tokens !== undefined) {
      for (let i = 0; i < size; i++) writeNumber(type, data, i, 2 + random.below(words.length - 2));
      writeNumber(type, data, 0, 0);
      writeNumber(type, data, size - 1, 1);
    }
    const shape = picture === undefined ? [size] : [SIDE, SIDE, 1];
    return { form: shapeSignatureOf([{ name, type, shape, size }]), inputs: [data] };
  });
}

/** Cost of an expensive corruption relative to a cheap mutator, so that neither dominates the run time. */
const DEAR = 200;

const sets = CASES.flatMap((inputCase) => inputCase.sets.map((limits) => ({ ...inputCase, limits })));
const tasks = Math.ceil(Number(options.mutants) / sets.length / 512);
let mutantCount = 0;
let broken = 0;
const used = new Set<string>();
for (const { input, limits, resizes = false } of tracked('constraints', 'set', sets)) {
  const fitting = MUTATORS.list().filter((kind) => fitsInput({ kind }, input));
  // Cheap mutators are drawn more often than expensive ones.
  const mutators = fitting.flatMap(({ name, cost }) => new Array<string>(cost > DEAR ? 1 : 4).fill(name));
  for (const { name } of fitting) used.add(name);
  const result = await checkLegality(
    { input, seeds: seedsOf(input, resizes), mutators, limits, resizes },
    tasks,
  );
  mutantCount += result.made;
  broken += result.broken.length;
  line({
    bench: 'constraints',
    input: input.name,
    limits,
    mutators: fitting.length,
    mutants: result.made,
    changed: Number((result.changed / Math.max(1, result.made)).toFixed(3)),
    rejected: Number((result.rejected / (result.made + result.rejected)).toFixed(4)),
    broken: result.broken.length,
    ...(result.broken.length > 0 ? { example: result.broken[0] } : {}),
  });
}
line({
  bench: 'constraints',
  sets: sets.length,
  mutators: used.size,
  of: MUTATORS.list().length,
  mutants: mutantCount,
  broken,
});
process.exitCode = broken > 0 ? 1 : 0;
