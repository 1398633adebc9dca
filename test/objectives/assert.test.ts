import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import wabt from 'wabt';
import { UserError } from '../../src/core/errors.ts';
import { REDUCTIONS } from '../../src/expression/loops.ts';
import { parseExpression } from '../../src/expression/parse-expression.ts';
import { reduceRows } from '../../src/expression/reduce.ts';
import { REDUCE } from '../../src/expression/reduce-binary.ts';
import { formatExpression } from '../../src/expression/syntax.ts';
import type { BatchTensor } from '../../src/model/batched-model.ts';
import type { JudgedBatch, Violation } from '../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../src/objectives/registry.ts';
import { expectSame } from '../support/expect-same.ts';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** A tensor of rows. */
function tensor(name: string, rows: readonly (readonly number[])[], shape = [rows[0].length]): BatchTensor {
  const size = rows[0].length;
  return { name, type: 'float64', size, shape, data: Float64Array.from(rows.flat()) };
}

function run(...outputs: BatchTensor[]): JudgedBatch {
  const rows = outputs[0].data.length / outputs[0].size;
  return { rows, inputs: [], outputs, activations: [] };
}

function judged(expression: string, given: JudgedBatch): (Violation | undefined)[] {
  const found = new Array<Violation | undefined>(given.rows).fill(undefined);
  makeBuiltIn(`assert:name=p,${expression}`).judge(given, (row, violation) => {
    expect(found[row]).toBeUndefined();
    found[row] = violation;
  });
  return found;
}

const holds = (expression: string, ...outputs: BatchTensor[]): boolean =>
  judged(expression, run(...outputs))[0] === undefined;

const margin = (expression: string, ...outputs: BatchTensor[]): number => {
  const out = new Float64Array(64);
  makeBuiltIn(`assert:name=p,${expression}`).margins?.(run(...outputs), 0, out);
  return out[0];
};

describe('what an expression says', () => {
  const x = tensor('x', [[3, -4, 0.5]]);
  test.each([
    ['max(abs(x)) == 4', true],
    ['sum(x) == -0.5', true],
    ['mean(x) < 0', true],
    ['norm(x) > 5 and norm(x) < 5.1', true],
    ['abs(std(x) - 2.896) < 0.01', true],
    ['argmax(x) == 0 and argmin(x) == 1 and size(x) == 3', true],
    ['x[1] == -4', true],
    ['x < 4', true],
    ['x < 3', false],
    ['any(x > 2.5) and not all(x > 0)', true],
    ['-4 <= x <= 3', true],
    ['-4 < x <= 3', false],
    ['abs(sum(softmax(x)) - 1) < 1e-12', true],
    ['2 ^ 3 ^ 2 == 512 + 0 * x', true],
    ['7 % 4 - 1 == 2 + 0 * x', true],
    ['min(x, 0) == x or x > 0', true],
    ['max(x, 1) * 2 - 1 >= 1', true],
    ['sqrt(4) + exp(0) + log(1) == 3 + 0 * x[0]', true],
    ['sigmoid(x[2] - 0.5) == 0.5', true],
    ['"x" != 7', true],
    ['not (x == 3)', false],
    ['x / 0 != 1', true],
    ['x < inf', true],
  ])('%s', (expression, expected) => {
    expect(holds(expression, x)).toBe(expected);
  });

  test('of shapes that broadcast as in numpy', () => {
    const table = tensor('table', [[1, 2, 3, 4, 5, 6]], [2, 3]);
    const columns = tensor('columns', [[0, 1, 2]]);
    const rows = tensor('rows', [[1, 4]], [2, 1]);
    expect(holds('table - columns - rows == 0', table, columns, rows)).toBe(true);
    expect(holds('table[1] - columns == 4', table, columns)).toBe(true);
    expect(holds('table[1][2] == 6', table)).toBe(true);
    expect(() => holds('table - rows[0] - tens == 0', table, rows, tensor('tens', [[1, 2]]))).toThrow(
      /shapes don't broadcast in \(table - rows\[0\]\) - tens: .* is 2×3 for each testcase and tens 2/,
    );
    expect(() => holds('table[2] == 0', table)).toThrow(/table\[2\] is beyond table, which is 2×3/);
  });

  test('of each row by itself, in batches of any size', () => {
    const many = Array.from({ length: 3000 }, (_, i) => [i, i % 7]);
    const found = judged('x[1] < 6 or x[0] > 2000', run(tensor('x', many)));
    expect(found.map((one) => one !== undefined)).toEqual(many.map(([i, k]) => k === 6 && i <= 2000));
  });

  test('of whole numbers, halves and inputs too', () => {
    const given: JudgedBatch = {
      rows: 1,
      inputs: [{ name: 'ids', type: 'int64', size: 2, shape: [2], data: BigInt64Array.of(5n, 6n) }],
      outputs: [{ name: 'half', type: 'float16', size: 1, shape: [1], data: Uint16Array.of(0x3e00) }],
      activations: [],
    };
    expect(judged('ids >= 5 and half == 1.5', given)).toEqual([undefined]);
    expect(judged('ids > 5', given)[0]?.summary).toBe('ids > 5 does not hold: ids is 5');
  });
});

describe('a violation', () => {
  test('says what was compared, and bears the name', () => {
    const [found] = judged(
      'loss < 0.01 or abs(gradient) > 1e-4',
      run(tensor('loss', [[13.8]]), tensor('gradient', [[0]])),
    );
    expect(found).toMatchObject({
      objective: 'assert',
      signature: 'assert-p',
      summary: 'loss < 0.01 or abs(gradient) > 0.0001 does not hold: loss is 13.8, abs(gradient) is 0',
      tensors: ['loss', 'gradient'],
      details: { kind: 'broken', values: { loss: 13.8, 'abs(gradient)': 0 } },
    });
  });

  test('tells of the value that is furthest from holding', () => {
    expect(judged('x < 2', run(tensor('x', [[1, 5, 3]])))[0]?.details.values).toEqual({ x: 5 });
    expect(judged('all(x < 2)', run(tensor('x', [[1, 5, 3]])))[0]?.details.values).toEqual({ x: 5 });
  });

  test('of a NaN is one of its own, whatever the expression makes of it', () => {
    const x = tensor('x', [[1, nan]]);
    for (const expression of [
      'x < 3',
      'not (x < 3)',
      'x[0] < 3 or x[1] < 3',
      'max(x) < 3',
      'sum(abs(x)) != 3',
    ])
      expect(judged(expression, run(x))[0]).toMatchObject({
        signature: 'assert-p-nan',
        details: { kind: 'nan' },
      });
    expect(judged('argmax(x) == 0', run(x))[0]?.summary).toBe(
      'argmax(x) == 0 compares a NaN: argmax(x) is NaN',
    );
    expect(judged('x[0] / x[1] < 1', run(tensor('x', [[0, 0]])))[0]?.signature).toBe('assert-p-nan');
    expect(judged('x[0] < 3', run(x))).toEqual([undefined]);
  });

  test('without a name is named after what it speaks of, and two expressions apart', () => {
    const names = ['assert:x < 3', 'assert:x < 4', 'assert:x  <  3'].map((spec) => makeBuiltIn(spec).name);
    expect(names[0]).toMatch(/^assert-x-[0-9a-f]{6}$/);
    expect(names[1]).not.toBe(names[0]);
    expect(names[2]).toBe(names[0]);
  });
});

describe('margins', () => {
  test('narrow with the slack', () => {
    const of = (value: number): number => margin('x < 10', tensor('x', [[value]]));
    expect([of(-1e30), of(0), of(9), of(9.999999)].every((one, i, all) => i === 0 || one < all[i - 1])).toBe(
      true,
    );
    expect(of(10)).toBe(0);
    expect(of(inf)).toBe(0);
  });

  test('of conditions joined by and are one each', () => {
    const out = new Float64Array(64);
    const objective = makeBuiltIn('assert:x[0] < 1 and x[1] < 100 and not (x[2] > 0 or x[2] < -9)');
    expect(objective.margins?.(run(tensor('x', [[0, 0, -1]])), 0, out)).toBe(3);
    expect(out[0]).toBeLessThan(out[1]);
    expect(out[2]).toBe(out[0]);
  });
});

describe('reductions four values at a time', () => {
  test('reduce-binary.ts is what reduce.wat compiles to', async () => {
    const { parseWat } = await wabt();
    const source = readFileSync('src/expression/reduce.wat', 'utf8');
    const { buffer } = parseWat('reduce.wat', source, { simd: true }).toBinary({});
    expect(Buffer.from(buffer).toString('base64')).toBe(REDUCE);
  });

  test('give what the loops give, whatever the rows hold', () => {
    const odd = fc.constantFrom(Math.fround(nan), inf, -inf, 0, -0, 2 ** -149, -(2 ** -149), 3.4e38, -3.4e38);
    const value = fc.oneof(fc.float({ noDefaultInfinity: true, noNaN: true }), odd);
    const quiet = new Float32Array(new Int32Array([-0x400000]).buffer)[0];
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 11 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(value),
        (size, rows, stream) => {
          const values = Float32Array.from({ length: size * rows }, () => stream.next().value ?? quiet);
          for (const by of ['max', 'min', 'max-abs', 'sum'] as const) {
            const out = new Float64Array(rows);
            reduceRows(by, values, size, rows, out);
            for (let row = 0; row < rows; row++) {
              const expected = REDUCTIONS.get(by)?.(values, row * size, size) ?? 0;
              if (by === 'sum' && Number.isFinite(expected))
                expect(Math.abs(out[row] - expected)).toBeLessThanOrEqual(1e-9 * (1 + size * 3.4e38));
              else expect(Number.isNaN(expected) ? Number.isNaN(out[row]) : out[row] === expected).toBe(true);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('of many rows are in memory that grows', () => {
    const values = Float32Array.from({ length: 784 * 300 }, (_, i) => i % 1000);
    const out = new Float64Array(300);
    reduceRows('max', values, 784, 300, out);
    expect(Math.max(...out)).toBe(999);
    reduceRows('sum', values, 784, 300, out);
    expect(out[0]).toBe((783 * 784) / 2);
  });

  test('make the same verdicts of single precision as of double', () => {
    const single = (expression: string, ...rows: number[][]): boolean[] => {
      const data = Float32Array.from(rows.flat());
      const given = run({ name: 'x', type: 'float32', size: rows[0].length, shape: [rows[0].length], data });
      return judged(expression, given).map((one) => one === undefined);
    };
    for (const expression of [
      'x < 2',
      'x >= -1',
      '2 > x',
      'all(abs(x) <= 1.5)',
      'mean(x ^ 2) < 1.2',
      'mean(x) <= 0.5',
    ])
      expect(single(expression, [1, -1, 1.5], [2, 0, 0], [-3, 0, 1])).toEqual(
        judged(
          expression,
          run(
            tensor('x', [
              [1, -1, 1.5],
              [2, 0, 0],
              [-3, 0, 1],
            ]),
          ),
        ).map((one) => one === undefined),
      );
  });
});

type Random = { readonly text: string; readonly truth: (x: readonly number[]) => boolean | typeof nan };

/** Random numbers as expressions, and what they come to. */
const numbers: fc.Arbitrary<{ text: string; value: (x: readonly number[]) => number }> = fc.letrec<{
  number: { text: string; value: (x: readonly number[]) => number };
}>((tie) => ({
  number: fc.oneof(
    { maxDepth: 3 },
    fc.integer({ min: 0, max: 2 }).map((i) => ({ text: `x[${i}]`, value: (x: readonly number[]) => x[i] })),
    fc.integer({ min: 0, max: 5 }).map((n) => ({ text: String(n), value: () => n })),
    fc.tuple(fc.constantFrom('+', '-', '*', '/'), tie('number'), tie('number')).map(([by, a, b]) => ({
      text: `(${a.text} ${by} ${b.text})`,
      value: (x: readonly number[]) => {
        const [p, q] = [a.value(x), b.value(x)];
        return by === '+' ? p + q : by === '-' ? p - q : by === '*' ? p * q : p / q;
      },
    })),
    fc.tuple(fc.constantFrom('abs', 'sqrt', 'exp'), tie('number')).map(([name, a]) => ({
      text: `${name}(${a.text})`,
      value: (x: readonly number[]) => Math[name as 'abs'](a.value(x)),
    })),
  ),
})).number;

/** Random conditions: NaN is what they come to where a NaN is compared anywhere in them. */
const conditions: fc.Arbitrary<Random> = fc.letrec<{ condition: Random }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(fc.constantFrom('<', '<=', '>', '>=', '==', '!='), numbers, numbers).map(
      ([by, a, b]): Random => ({
        text: `${a.text} ${by} ${b.text}`,
        truth: (x) => {
          const [p, q] = [a.value(x), b.value(x)];
          if (Number.isNaN(p) || Number.isNaN(q)) return nan;
          if (by === '<') return p < q;
          if (by === '<=') return p <= q;
          if (by === '>') return p > q;
          if (by === '>=') return p >= q;
          return (p === q) === (by === '==');
        },
      }),
    ),
    fc.tuple(fc.constantFrom('and', 'or'), tie('condition'), tie('condition')).map(
      ([by, a, b]): Random => ({
        text: `(${a.text}) ${by} (${b.text})`,
        truth: (x) => {
          const [p, q] = [a.truth(x), b.truth(x)];
          if (typeof p !== 'boolean' || typeof q !== 'boolean') return nan;
          return by === 'and' ? p && q : p || q;
        },
      }),
    ),
    tie('condition').map(
      (a): Random => ({
        text: `not (${a.text})`,
        truth: (x) => {
          const p = a.truth(x);
          return typeof p === 'boolean' ? !p : nan;
        },
      }),
    ),
  ),
})).condition;

const values = fc.oneof(
  fc.integer({ min: -4, max: 4 }),
  fc.double({ min: -10, max: 10, noNaN: true }),
  fc.constantFrom(nan, inf, -inf, 0, -0, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE),
);

test('margins are 0 exactly where an expression is violated, and above it elsewhere, NaN and infinities included', () => {
  fc.assert(
    fc.property(
      conditions,
      fc.array(fc.tuple(values, values, values), { minLength: 1, maxLength: 5 }),
      (one, rows) => {
        // An expression that speaks of x, whatever was drawn.
        const text = `(${one.text}) and x[0] == x[0]`;
        const isPlain = (x: readonly number[]): boolean => !Number.isNaN(x[0]);
        const given = run(tensor('x', rows));
        const objective = makeBuiltIn(`assert:name=p,${text}`);
        const broken = new Map<number, string>();
        objective.judge(given, (row, { signature }) => broken.set(row, signature));
        rows.forEach((x, row) => {
          const truth = isPlain(x) ? one.truth(x) : nan;
          const expected = truth === true ? undefined : truth === false ? 'assert-p' : 'assert-p-nan';
          expectSame(broken.get(row), expected);
          const out = new Float64Array(64);
          const count = objective.margins?.(given, row, out) ?? 0;
          const least = Math.min(...out.subarray(0, count));
          expectSame(least <= 0, truth !== true);
          expectSame(Number.isNaN(least), false);
        });
      },
    ),
    { numRuns: 2000 },
  );
});

test('an expression is written back as one that means the same', () => {
  fc.assert(
    fc.property(conditions, ({ text }) => {
      const syntax = parseExpression('here', text);
      expect(parseExpression('here', formatExpression(syntax))).toEqual(syntax);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['x <', /expected expression after < at character 4, here: x <»/i],
  ['x < 3)', /unexpected "\)" at character 6/i],
  ['x + 1', /x \+ 1 is a number: compare it with something, such as x \+ 1 < 1|is a number: compare it/],
  ['x < 3 4', /two expressions: join them with and/],
  ['not x < 3', /not takes a condition and x is a number: write not \(a < b\) at character 1/],
  ['foo(x) < 3', /there is no function foo: .*at character 1/],
  ['mex(x) < 3', /there is no function mex: did you mean max\?/],
  ['abs(x, x) < 3', /abs takes one argument/],
  ['(x < 3) + 1 < 2', /x < 3 is a condition where a number is expected/],
  ['x and x < 3', /and joins conditions and x is a number/],
  ['-x ^ 2 < 3', /say whether the minus comes first/],
  ['x[-1] < 3', /takes a whole number from 0/],
  ['x[0.5] < 3', /takes a whole number from 0/],
  ['1 < 2', /names no input and no tensor/],
  ['', /write the condition that must hold/],
  ['this < 3', /unexpected syntax/],
  ['x.constructor("return process")() < 3', /only functions can be called/],
  ['x = 3', /unexpected|expected/i],
  ['`x` < 3', /unexpected|expected/i],
  ['(x => x) < 3', /unexpected|expected/i],
  [`${'('.repeat(1500)}x${')'.repeat(1500)} < ${'('.repeat(500)}`, /nested too deep|unclosed/i],
  [`x < ${'1'.repeat(5000)}`, /5004 characters, more than 4000/],
])('%s is refused, with the place', (expression, message) => {
  const make = (): unknown => makeBuiltIn(`assert:${expression}`);
  expect(make).toThrow(UserError);
  expect(make).toThrow(message);
});

test('words that mean something to JavaScript are names of tensors and no more', () => {
  const objective = makeBuiltIn('assert:constructor < 3 and __proto__ < 3 and process.env < 3');
  expect(objective.tensors).toEqual(['constructor', '__proto__', 'process.env']);
  expect(objective.refuses?.(run(tensor('x', [[1]])))).toMatch(/constructor, which the run does not have/);
});
