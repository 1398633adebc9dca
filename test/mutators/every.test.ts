import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BoundsTracker, makeWorkingArray } from '../../src/constraints/bounds.ts';
import { randomStream } from '../../src/core/random.ts';
import { parameterValues } from '../../src/extensions/parameters.ts';
import type { InputDescriptor } from '../../src/inputs/input-descriptor.ts';
import type { Column } from '../../src/inputs/table-column.ts';
import type { MutatorKind } from '../../src/mutators/mutator.ts';
import { MUTATORS, makeMutator } from '../../src/mutators/registry.ts';
import { codePointsOf, MAX_CODE_POINT } from '../../src/tensor/strings.ts';
import { DTYPES, type DType, makeData, readNumber, writeNumber } from '../../src/tensor/tensor.ts';
import { expectSame } from '../support/expect-same.ts';
import { givenOf, pictureTraits, shapeOf, traitsOf } from '../support/mutators.ts';

/** An input that a mutator is for, of drawn size, type and range. */
interface Case {
  readonly input: InputDescriptor;
  readonly shape: readonly number[];
  readonly linf: number | undefined;
  readonly key: number;
}

const ranges = fc
  .tuple(fc.double({ min: -1e4, max: 1e4, noNaN: true }), fc.double({ min: 1e-3, max: 1e4, noNaN: true }))
  .map(([low, width]) => ({ low: Math.fround(low), high: Math.fround(low + width + 1) }));

const limits = fc.option(fc.double({ min: 1e-3, max: 100, noNaN: true }), { nil: undefined });

const VOCABULARY = ['[CLS]', '[SEP]', ...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,'];

function casesFor({ domains }: MutatorKind): fc.Arbitrary<Case> {
  if (domains.includes('image')) {
    return fc
      .record({
        height: fc.integer({ min: 1, max: 20 }),
        width: fc.integer({ min: 1, max: 20 }),
        channels: fc.constantFrom(1 as const, 3 as const),
        channelsFirst: fc.boolean(),
        bgr: fc.boolean(),
        range: ranges,
        linf: limits,
        key: fc.nat(),
      })
      .map(({ height, width, channels, channelsFirst, bgr, range, linf, key }) => {
        const each = (value: number): number[] => new Array(channels).fill(value);
        const picture = { channels, channelsFirst, bgr, black: each(range.low), white: each(range.high) };
        const input = { ...pictureTraits(height, width, picture), range };
        return { input, shape: shapeOf(input), linf, key };
      });
  }
  if (domains.includes('table')) {
    return fc
      .record({ size: fc.integer({ min: 1, max: 9 }), range: ranges, linf: limits, key: fc.nat() })
      .map(({ size, range, linf, key }) => {
        const kinds: Column[] = [{ kind: 'range' }, { kind: 'integer' }, { kind: 'fixed' }];
        const columns = Array.from({ length: size }, (_, i) => kinds[i % kinds.length]);
        return { input: traitsOf({ domains: ['table'], size, range, columns }), shape: [size], linf, key };
      });
  }
  if (domains.includes('strings')) {
    return fc
      .record({ rows: fc.integer({ min: 1, max: 5 }), width: fc.integer({ min: 2, max: 12 }), key: fc.nat() })
      .map(({ rows, width, key }) => {
        const words = ['ab', 'c', 'dé'].map((word) => codePointsOf(word));
        const strings = { width, words, alphabet: codePointsOf('abcdé'), areTexts: true };
        const range = { low: 0, high: MAX_CODE_POINT };
        const input = traitsOf({ type: 'uint32', domains: ['strings'], size: rows * width, range, strings });
        return { input, shape: [rows, width], linf: undefined, key };
      });
  }
  if (domains.includes('audio')) {
    return fc
      .record({
        shape: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 2 }),
        range: ranges,
        linf: limits,
        key: fc.nat(),
      })
      .map(({ shape, range, linf, key }) => {
        const size = shape.reduce((product, side) => product * side, 1);
        return { input: traitsOf({ domains: ['numbers', 'audio'], size, range }), shape, linf, key };
      });
  }
  if (domains.includes('splits')) {
    const split = fc.double({ min: -2e4, max: 2e4, noNaN: true });
    return fc
      .record({
        splits: fc.array(fc.array(split, { maxLength: 4 }), { minLength: 1, maxLength: 9 }),
        type: fc.constantFrom<DType>('float32', 'float64', 'int64'),
        range: ranges,
        linf: limits,
        key: fc.nat(),
      })
      .map(({ splits: drawn, type, range, linf, key }) => {
        // Each has a column with splits.
        const splits = [[0, ...drawn[0]], ...drawn.slice(1)];
        const legal =
          DTYPES[type].kind === 'float'
            ? range
            : { low: Math.floor(range.low), high: Math.floor(range.low) + 9 };
        const size = splits.length;
        return {
          input: traitsOf({ type, domains: ['splits'], size, range: legal, splits }),
          shape: [size],
          linf,
          key,
        };
      });
  }
  if (domains.includes('mask')) {
    return fc
      .record({
        type: fc.constantFrom<DType>('bool', 'int32', 'int64', 'float32'),
        shape: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 4 }),
        key: fc.nat(),
      })
      .map(({ type, shape, key }) => {
        const size = shape.reduce((product, side) => product * side, 1);
        return { input: traitsOf({ type, domains: ['mask'], size }), shape, linf: undefined, key };
      });
  }
  if (domains.includes('tokens') || domains.includes('text')) {
    return fc.record({ size: fc.integer({ min: 1, max: 40 }), key: fc.nat() }).map(({ size, key }) => {
      const tokens = {
        special: [0, 1],
        length: [1, 40] as const,
        vocabulary: VOCABULARY,
        dictionary: [[5, 6, 7]],
      };
      const range = { low: 0, high: VOCABULARY.length - 1 };
      const input = traitsOf({ type: 'int64', domains: ['tokens', 'text'], size: 40, range, tokens });
      return { input, shape: [size], linf: undefined, key };
    });
  }
  const types: DType[] = ['float32', 'float64', 'float16', 'int32', 'int64', 'uint8'];
  return fc
    .record({
      type: fc.constantFrom<DType>(...types, ...(domains.includes('flags') ? (['bool'] as const) : [])),
      shape: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 4 }),
      range: ranges,
      linf: limits,
      key: fc.nat(),
    })
    .map(({ type, shape, range, linf, key }) => {
      const { min, max, kind } = DTYPES[type];
      const low = kind === 'float' ? range.low : Math.min(max - 2, Math.max(min, Math.floor(range.low)));
      // Half precision has hardly a number in eight up here.
      const least = type === 'float16' ? low + 64 : low + 2;
      const high = kind === 'bool' ? 1 : Math.min(max, Math.max(least, range.high));
      const size = shape.reduce((product, side) => product * side, 1);
      const own = { low: kind === 'bool' ? 0 : low, high };
      return { input: traitsOf({ type, size, range: own, isEncoded: true }), shape, linf, key };
    });
}

/** Values that are legal in an input, drawn from a key. */
function legalRow({ type, range, tokens, columns }: InputDescriptor, size: number, key: string) {
  const random = randomStream('row', key);
  const data = makeData(type, size);
  const bounds = new BoundsTracker(type, size, { range, columns });
  for (let i = 0; i < size; i++) {
    const value = bounds.low[i] + (bounds.high[i] - bounds.low[i]) * random.uniform();
    const whole = columns?.[i]?.kind === 'integer' || DTYPES[type].kind !== 'float';
    writeNumber(type, data, i, whole ? Math.floor(value) : value);
    // Rounding to the type may lead out of the range.
    const kept = readNumber(type, data, i);
    if (kept < bounds.low[i] || kept > bounds.high[i]) writeNumber(type, data, i, bounds.low[i]);
  }
  if (tokens !== undefined && size > 2) writeNumber(type, data, 0, 0);
  return data;
}

/** The defaults of a mutator's parameters, and each parameter at the ends of its bounds; those with few runs. */
function parameterSets({ parameters, cost }: MutatorKind) {
  const runs = cost > 50 ? 60 : 200;
  const atEnds = parameters.flatMap(({ name, min, max, default: usual }) =>
    [min, max]
      .filter((end) => end !== usual)
      .map((end) => ({
        setting: `${name}=${end}`,
        values: parameterValues(new Map([[name, end]])),
        runs: runs / 10,
      })),
  );
  return [{ setting: 'its defaults', values: parameterValues(), runs }, ...atEnds];
}

/** All but those that need a file. */
const KINDS = MUTATORS.list().filter(({ name }) => name !== 'program');

describe.each(KINDS)('$name', (kind) => {
  test.each(parameterSets(kind))(
    'makes legal mutants of any legal parent, the same from equal draws, and leaves the parent alone, with $setting',
    ({ values, runs }) => {
      fc.assert(
        fc.property(casesFor(kind), ({ input, shape, linf, key }) => {
          const { type } = input;
          const size = shape.reduce((product, side) => product * side, 1);
          const seed = legalRow(input, size, `seed ${key}`);
          const other = legalRow(input, size, `mate ${key}`);
          const bounds = new BoundsTracker(type, size, { ...input, linf }).centreOn(seed);
          const [parent, mate] = [seed, other].map((data) => {
            const values = makeWorkingArray(type, size);
            for (let i = 0; i < size; i++) values[i] = readNumber(type, data, i);
            return values;
          });
          const before = parent.slice();
          const mateBefore = mate.slice();
          const made = [0, 1].map(() => {
            const out = makeWorkingArray(type, size + 5);
            const decoded = { before: mate, after: parent.map((value) => 2 * value) };
            const given = givenOf(key, bounds, shape, { partner: mate, mutantIndex: key % 8, decoded });
            makeMutator({ spec: kind.name, kind, values }, input).mutate(out, 3, parent, given);
            if (kind.staysInBounds !== true) given.arithmetic.clip(out, 3, size, bounds);
            return out;
          });
          expectSame(made[0], made[1]);
          expectSame(parent, before);
          expectSame(mate, mateBefore);
          const [out] = made;
          const untouched = makeWorkingArray(type, 5);
          untouched.set([...out.subarray(0, 3), ...out.subarray(size + 3)]);
          expectSame(untouched, makeWorkingArray(type, 5));
          const stored = makeData(type, 1);
          for (let i = 0; i < size; i++) {
            writeNumber(type, stored, 0, out[3 + i]);
            const value = readNumber(type, stored, 0);
            const isLegal = value >= bounds.low[i] && value <= bounds.high[i];
            const isNear = linf === undefined || Math.abs(value - before[i]) <= linf;
            if (!isLegal || !isNear)
              throw new Error(`${value} at ${i} from ${before[i]}: ${JSON.stringify({ shape, type, linf })}`);
            if (input.tokens?.special.includes(before[i])) expectSame(value, before[i]);
          }
        }),
        { numRuns: runs },
      );
    },
  );

  test('changes what it is given', () => {
    const [{ input, shape }] = fc.sample(
      casesFor(kind).filter(({ shape: own }) => own.reduce((product, side) => product * side, 1) >= 8),
      { numRuns: 1, seed: 7 },
    );
    const size = shape.reduce((product, side) => product * side, 1);
    const bounds = new BoundsTracker(input.type, size, input);
    const mutator = makeMutator({ spec: kind.name, kind, values: parameterValues() }, input);
    let changed = 0;
    for (let key = 0; key < 20; key++) {
      const [parent, mate] = [`parent ${key}`, `mate ${key}`].map((name) => {
        const data = legalRow(input, size, name);
        return Float64Array.from({ length: size }, (_, i) => readNumber(input.type, data, i));
      });
      const out = new Float64Array(size);
      const decoded = { before: parent, after: mate };
      mutator.mutate(out, 0, parent, givenOf(key, bounds, shape, { partner: mate, decoded }));
      if (out.some((value, i) => value !== parent[i])) changed++;
    }
    expect(changed).toBeGreaterThan(5);
  });
});

test('every mutator says what it does, where it comes from and what its parameters may be', () => {
  expect(new Set(MUTATORS.names()).size).toBe(MUTATORS.list().length);
  for (const { help, source, parameters, cost } of MUTATORS.list()) {
    expect(help).not.toBe('');
    expect(source).not.toBe('');
    expect(cost).toBeGreaterThan(0);
    for (const { min, max, default: usual } of parameters) {
      expect(usual).toBeGreaterThanOrEqual(min);
      expect(usual).toBeLessThanOrEqual(max);
    }
  }
});
