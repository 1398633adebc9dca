import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { distance as levenshtein } from 'fastest-levenshtein';
import { checkLegality, type Legality } from '../../bench/legal.ts';
import type { ConstraintLimits } from '../../src/constraints/constraint-limits.ts';
import { editDistance } from '../../src/constraints/edit-distance.ts';
import { findBrokenConstraints } from '../../src/constraints/find-broken-constraints.ts';
import { isWithinEditDistance } from '../../src/constraints/is-within-edit-distance.ts';
import { randomStream } from '../../src/core/random.ts';
import type { InputDescriptor } from '../../src/inputs/input-descriptor.ts';
import { shapeSignatureOf, type TestcaseBatch } from '../../src/model/testcase-batch.ts';
import { defaultMutators } from '../../src/mutators/registry.ts';
import { pictureTraits, traitsOf } from '../support/mutators.ts';

test('sequences are within so many edits exactly where their Levenshtein distance is', () => {
  const sequence = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 14 });
  fc.assert(
    fc.property(sequence, sequence, fc.integer({ min: 0, max: 8 }), (a, b, most) => {
      const far = levenshtein(a.join(''), b.join(''));
      expect(editDistance(a, b)).toBe(far);
      expect(isWithinEditDistance(a, b, most)).toBe(far <= most);
    }),
    { numRuns: 2000 },
  );
});

function rowOf(values: readonly number[]): TestcaseBatch {
  const shape = [values.length];
  return {
    form: shapeSignatureOf([{ name: 'x', type: 'float32', shape, size: values.length }]),
    inputs: [Float32Array.from(values)],
  };
}

describe('the checker says what a testcase breaks, worked out by hand:', () => {
  const seed = rowOf([0, 0, 0, 0]);
  const input = traitsOf({ size: 4, range: { low: -1, high: 1 } });
  const broken = (
    values: readonly number[],
    limits: ConstraintLimits,
    own: Partial<InputDescriptor> = {},
    from = seed,
  ) =>
    findBrokenConstraints(
      rowOf(values),
      { ancestor: seed, reference: from },
      limits,
      [{ ...input, ...own }],
      [true],
    ).join('; ');

  test.each<[string, readonly number[], ConstraintLimits, Partial<InputDescriptor>, RegExp]>([
    ['range', [0, 2, 0, 0], {}, {}, /x\[1\] is 2/],
    ['not a number', [0, Number.NaN, 0, 0], {}, {}, /x\[1\] is NaN/],
    ['L-infinity', [0.5, 0, 0, 0], { linf: 0.25 }, {}, /L-infinity is 0.5, above 0.25/],
    ['L2', [0.75, 1, 0, 0], { l2: 1.2 }, {}, /L2 is 1.25, above 1.2/],
    ['L0', [0.5, 0.5, 0.5, 0], { l0: 2 }, {}, /L0 is 3, above 2/],
    ['a fixed position', [0.5, 0, 0, 0], {}, { fixed: Uint8Array.of(1, 0, 0, 0) }, /x\[0\]/],
    ['a whole column', [0.5, 0, 0, 0], {}, { columns: [{ kind: 'integer' }] }, /x\[0\] is 0.5/],
    ['a category', [0.5, 0, 0, 0], {}, { columns: [{ kind: 'category', values: [0, 1] }] }, /x\[0\]/],
    ['a fixed column', [0, 1, 0, 0], {}, { columns: [{ kind: 'range' }, { kind: 'fixed' }] }, /x\[1\]/],
    // Two of four values are not fewer than half, and 0.5 is more than a fifth of the range's 2.
    ["DeepHunter's rule", [0.5, 0.5, 0, 0], { deephunter: { alpha: 0.5, beta: 0.2 } }, {}, /2 of 4 values/],
  ])('%s', (_name, values, limits, own, message) => {
    expect(broken(values, limits, own)).toMatch(message);
  });

  test.each<[string, readonly number[], ConstraintLimits, Partial<InputDescriptor>]>([
    ['at the limits', [1, -1, 0, 0], { linf: 1, l2: 1.5, l0: 2 }, {}],
    ['one value of four at will', [1, 0, 0, 0], { deephunter: { alpha: 0.5, beta: 0.2 } }, {}],
    ['all by a fifth of the range', [0.25, 0.25, -0.25, 0.25], { deephunter: { alpha: 0.5, beta: 0.2 } }, {}],
    ['a legal category', [1, 0, 1, 0], {}, { columns: [{ kind: 'category', values: [0, 1] }] }],
  ])('nothing: %s', (_name, values, limits, own) => {
    expect(broken(values, limits, own)).toBe('');
  });

  test("DeepHunter's rule measures from the reference, the norms from the ancestor", () => {
    const values = [1, 1, 1, 1];
    const limits: ConstraintLimits = { deephunter: { alpha: 0.02, beta: 0.2 } };
    expect(broken(values, limits)).toMatch(/4 of 4/);
    expect(broken(values, limits, {}, rowOf(values))).toBe('');
    expect(broken(values, { ...limits, linf: 0.5 }, {}, rowOf(values))).toMatch(/L-infinity/);
  });
});

/** Checks mutants of an input's default mix. */
function violations(
  [input]: readonly [InputDescriptor],
  limits: ConstraintLimits,
  seeds: readonly TestcaseBatch[],
  resizes = false,
): Promise<Legality> {
  const mutators = defaultMutators(input).map(({ spec }) => spec);
  return checkLegality({ input, seeds, mutators, limits, resizes }, 6);
}

describe('mutants of the default mix keep to', () => {
  const picture = { ...pictureTraits(8, 8), name: 'x', range: { low: 0, high: 1 } };
  const form = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [8, 8, 1], size: 64 }]);
  const random = randomStream('pictures');
  const pictures = Array.from(
    { length: 10 },
    (): TestcaseBatch => ({
      form,
      inputs: [Float32Array.from({ length: 64 }, () => random.uniform())],
    }),
  );

  test.each<[string, ConstraintLimits, Partial<InputDescriptor>]>([
    ['the range', {}, {}],
    ['L-infinity', { linf: 0.1 }, {}],
    ['L2', { l2: 0.5 }, {}],
    ['L0', { l0: 3 }, {}],
    ["DeepHunter's rule", { deephunter: { alpha: 0.1, beta: 0.2 } }, {}],
    ['fixed positions', {}, { fixed: Uint8Array.from({ length: 64 }, (_, i) => i % 2) }],
    ['all of them at once', { linf: 0.3, l2: 0.6, l0: 20, deephunter: { alpha: 0.1, beta: 0.25 } }, {}],
  ])('%s', async (_name, limits, own) => {
    const { made, broken, changed } = await violations([{ ...picture, ...own }], limits, pictures);
    expect(made).toBe(6 * 512);
    expect(broken).toEqual([]);
    expect(changed).toBeGreaterThan(made * 0.6);
  });

  test.each<[string, ConstraintLimits, Partial<InputDescriptor>]>([
    ['L-infinity', { linf: 0.1 }, {}],
    ['L2', { l2: 0.5 }, {}],
    ['L0', { l0: 3 }, {}],
    ['fixed positions', {}, { fixed: Uint8Array.from({ length: 64 }, (_, i) => i % 2) }],
    ['all of them at once', { linf: 0.3, l2: 0.6, l0: 20, deephunter: { alpha: 0.1, beta: 0.25 } }, {}],
  ])('%s, where they step along gradients', async (_name, limits, own) => {
    const input = { ...picture, ...own };
    const { made, broken, changed } = await checkLegality(
      { input, seeds: pictures, mutators: ['ascent'], limits, resizes: false },
      6,
    );
    expect(made).toBe(6 * 512);
    expect(broken).toEqual([]);
    expect(changed).toBeGreaterThan(made * 0.6);
  });

  test('the columns of a table, with an L2 ball that whole numbers and categories seldom lie in', async () => {
    const columns = [
      { kind: 'range' },
      { kind: 'integer' },
      { kind: 'category', values: [0, 2, 5] },
      { kind: 'fixed' },
    ] as const;
    const channels = [
      { low: -1, high: 1 },
      { low: 0, high: 90 },
      { low: 0, high: 5 },
      { low: 3, high: 4 },
    ];
    const input = traitsOf({
      domains: ['numbers', 'table'],
      size: 4,
      range: { low: -1, high: 90, channels, channelsFirst: false },
      columns,
    });
    const seeds = [rowOf([0.5, 40, 2, 3]), rowOf([-0.5, 41, 5, 4]), rowOf([0, 0, 0, 3.5])];
    for (const limits of [{}, { l2: 3 }, { linf: 2.5 }, { l0: 1 }]) {
      const { broken, changed, made } = await violations([input], limits, seeds);
      expect(broken).toEqual([]);
      expect(changed).toBeGreaterThan(made / 4);
    }
  });

  const words = ['[CLS]', '[SEP]', ...'abcdefghij'];
  const tokens = { special: [0, 1], length: [3, 12] as const, vocabulary: words, dictionary: [[2, 3, 4]] };
  const text = traitsOf({
    type: 'int64',
    domains: ['numbers', 'tokens', 'text'],
    size: 12,
    range: { low: 0, high: words.length - 1 },
    tokens,
  });
  const sentence = (ids: readonly number[]): TestcaseBatch => ({
    form: shapeSignatureOf([{ name: 'x', type: 'int64', shape: [ids.length], size: ids.length }]),
    inputs: [BigInt64Array.from(ids, BigInt)],
  });
  const sentences = [
    sentence([0, 2, 3, 4, 5, 1]),
    sentence([0, 6, 7, 1]),
    sentence([0, 2, 2, 8, 9, 10, 11, 3, 1]),
  ];

  test('the vocabulary, special tokens, lengths and an edit distance', async () => {
    for (const limits of [{}, { edits: 2 }]) {
      const { broken, changed, made, rejected } = await violations([text], limits, sentences, true);
      expect(broken).toEqual([]);
      expect(changed).toBeGreaterThan(made / 3);
      if (limits.edits !== undefined) expect(rejected).toBeGreaterThan(0);
    }
  });
});
