import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findReachableSites } from '../../../src/analysis/bounds/reachable-sites.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { branch, countdownLoop, loadBuilt, scalar } from '../../support/control-flow.ts';
import { testFolder } from '../../support/folder.ts';
import { propagateIntervals } from '../../support/propagate-intervals.ts';
import { BINARY, UNARY } from '../../support/random-network.ts';

const folder = testFolder();

interface Step {
  readonly op: string;
  readonly left: number;
  readonly right: number;
  readonly number: number;
  readonly weights: readonly number[];
}

const steps = fc.array(
  fc.record({
    op: fc.constantFrom(
      ...UNARY,
      ...BINARY,
      'Clip',
      'Gemm',
      'MatMul',
      'BatchNormalization',
      'ReduceSum',
      'ReduceMean',
      'Where',
      'Cast',
    ),
    left: fc.nat(),
    right: fc.nat(),
    number: fc.double({ min: -3, max: 3, noNaN: true }),
    weights: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 16, maxLength: 16 }),
  }),
  { minLength: 1, maxLength: 8 },
);

/** Writes a chain of operations, each on results of those before it. */
function write(list: readonly Step[]): { readonly bytes: Uint8Array; readonly tensors: string[] } {
  const graph = new OnnxBuilder();
  const tensors = [graph.input('x', 'float32', ['batch', 4])];
  list.forEach(({ op, left, right, number, weights }, i) => {
    const name = `t${i}`;
    const constant = (part: string, dims: number[], values: readonly number[]): string =>
      graph.constant(`${name}_${part}`, 'float32', dims, Float32Array.from(values));
    const a = tensors[left % tensors.length];
    const b = right % 2 === 0 ? tensors[right % tensors.length] : constant('b', [], [number]);
    const made = (BINARY as readonly string[]).includes(op)
      ? graph.node(op, [a, b], name)
      : op === 'Clip'
        ? graph.node(op, [a, constant('low', [], [number]), constant('high', [], [number + 1])], name)
        : op === 'Gemm'
          ? graph.node(
              op,
              [a, constant('w', [4, 4], weights), constant('c', [4], weights.slice(0, 4))],
              name,
              { transB: 1 },
            )
          : op === 'MatMul'
            ? graph.node(op, [a, constant('w', [4, 4], weights)], name)
            : op === 'BatchNormalization'
              ? graph.node(
                  op,
                  [
                    a,
                    ...['scale', 'shift', 'mean'].map((part, k) =>
                      constant(part, [4], weights.slice(4 * k, 4 * k + 4)),
                    ),
                    constant('v', [4], weights.slice(0, 4).map(Math.abs)),
                  ],
                  name,
                )
              : op === 'ReduceSum'
                ? graph.node(
                    'Add',
                    [
                      graph.node(
                        op,
                        [a, graph.constant(`${name}_axes`, 'int64', [1], BigInt64Array.of(1n))],
                        `${name}_r`,
                      ),
                      a,
                    ],
                    name,
                  )
                : op === 'ReduceMean'
                  ? graph.node('Mul', [graph.node(op, [a], `${name}_r`, { axes: [1] }), a], name)
                  : op === 'Where'
                    ? graph.node(op, [graph.node('Less', [a, b], `${name}_c`), a, b], name)
                    : op === 'Cast'
                      ? graph.node(
                          op,
                          [
                            graph.node(
                              op,
                              [
                                graph.node(
                                  'Clip',
                                  [a, constant('lo', [], [-9]), constant('hi', [], [9])],
                                  `${name}_k`,
                                ),
                              ],
                              `${name}_i`,
                              { to: 6 },
                            ),
                          ],
                          name,
                          { to: 1 },
                        )
                      : graph.node(op, [a], name, op.endsWith('oftmax') ? { axis: -1 } : {});
    tensors.push(made);
  });
  graph.node('Identity', [tensors[tensors.length - 1]], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  return { bytes: graph.finish('chain'), tensors: tensors.slice(1) };
}

test('no number of a run leaves the intervals, whatever the operations', async () => {
  const path = join(folder, 'chain.onnx');
  let seen = 0;
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 64, maxLength: 64 }),
      async (list, values) => {
        const { bytes, tensors } = write(list);
        writeFileSync(path, bytes);
        const model = await loadModel(path, { runtime: 'onnx' });
        const intervals = propagateIntervals(model, new Map([['x', { low: -2, high: 2 }]]));
        const feeds = [{ type: 'float32' as const, shape: [16, 4], data: Float32Array.from(values) }];
        const { activations } = await model.run(feeds, tensors);
        await model.dispose();
        // What comes of a NaN is no longer spoken of: an operation before has gone wrong.
        const wrong = new Set<number>();
        for (const { name, data } of activations) {
          const { low, high } = intervals.get(name) ?? { low: Number.NaN, high: Number.NaN };
          if (Number.isFinite(low) && Number.isFinite(high)) seen++;
          (data as Float32Array).forEach((value, i) => {
            const row = Math.floor(i / 4);
            if (Number.isNaN(value)) wrong.add(row);
            if (!wrong.has(row) && !(value >= low && value <= high))
              throw new Error(`${name} = ${value} is outside [${low}, ${high}]`);
          });
        }
      },
    ),
    { numRuns: 150 },
  );
  // Intervals without an end would hold anything.
  expect(seen).toBeGreaterThan(200);
});

test('a site is ruled out exactly where the range keeps it from its region', async () => {
  const graph = new OnnxBuilder();
  const number = (name: string, value: number): string =>
    graph.constant(name, 'float32', [], Float32Array.of(value));
  graph.input('x', 'float32', ['batch', 4]);
  graph.node('Log', [graph.node('Add', ['x', number('two', 2)], 'raised')], 'log');
  graph.node('Sqrt', [graph.node('Relu', ['x'], 'positive')], 'sqrt');
  graph.node('Div', ['x', graph.node('Clip', ['x', number('low', 0.5), number('high', 1)], 'kept')], 'div');
  graph.node('Exp', [graph.node('Mul', ['x', number('ninety', 90)], 'far')], 'exp');
  graph.node('Acos', ['x'], 'acos');
  ['log', 'sqrt', 'div', 'exp', 'acos'].forEach((name) => void graph.output(name, 'float32', ['batch', 4]));
  const path = join(folder, 'reach.onnx');
  writeFileSync(path, graph.finish('reach'));
  const model = await loadModel(path, { runtime: 'onnx' });
  const ruledOut = (inputs: Parameters<typeof findReachableSites>[1]): string[] =>
    findReachableSites(model, inputs)
      .filter(({ targets }) => targets.length === 0)
      .map(({ name }) => name);
  const within = (most: number): string[] => ruledOut(new Map([['x', { low: -most, high: most }]]));
  expect(within(0.9)).toEqual(['log', 'sqrt', 'div', 'exp', 'acos']);
  expect(within(1.5)).toEqual(['log', 'sqrt', 'div']);
  expect(within(2)).toEqual(['sqrt', 'div']);
  // A quotient of any number by a half may overflow.
  expect(ruledOut(new Map())).toEqual(['sqrt']);
  await model.dispose();
});

test('a product with a vocabulary of weights has the interval of its widest column', async () => {
  const words = 200_000;
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 4]);
  const weights = Float32Array.from({ length: 4 * words }, (_, i) =>
    i === 7 ? -5 : i === words + 7 ? 3 : 0.5,
  );
  graph.node('MatMul', ['x', graph.constant('w', 'float32', [4, words], weights)], 'y');
  graph.output('y', 'float32', ['batch', words]);
  const path = join(folder, 'vocabulary.onnx');
  writeFileSync(path, graph.finish('vocabulary'));
  const model = await loadModel(path, { runtime: 'onnx' });
  const { low, high } = propagateIntervals(model, new Map([['x', { low: -1, high: 2 }]])).get('y') ?? {
    low: 0,
    high: 0,
  };
  // Column 7: −5 · 2 + 3 · −1 + 2 · 0.5 · −1, and 5 · 1 + 3 · 2 + 2 · 0.5 · 2.
  expect(low).toBeCloseTo(-14, 2);
  expect(high).toBeCloseTo(13, 2);
  await model.dispose();
});

test('of an If has both branches, and in a Loop what the iterations before gave may be anything', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 3]);
  graph.node('ReduceSum', ['x'], 'sum', { keepdims: 0 });
  graph.node('Greater', ['sum', scalar(graph, 'zero', 0)], 'positive');
  graph.node('If', ['positive'], 'chosen', {
    then_branch: branch('Abs', ['x'], 'kept'),
    else_branch: branch('Exp', ['x'], 'grown'),
  });
  graph.node('Log', [graph.node('Add', ['chosen', scalar(graph, 'one', 1)], 'shifted')], 'y');
  graph.output('y', 'float32', ['batch', 3]);
  const model = await loadBuilt(folder, 'branches', graph);
  const inputs = new Map([['x', { low: -2, high: 3 }]]);
  const intervals = propagateIntervals(model, inputs);
  const { low, high } = intervals.get('chosen') ?? { low: 0, high: 0 };
  expect(low).toBe(0);
  expect(high).toBeCloseTo(Math.exp(3), 3);
  // Neither the exponential in the branch nor the logarithm behind both can go wrong.
  expect(findReachableSites(model, inputs).map(({ name, targets }) => [name, targets.length])).toEqual([
    ['grown', 0],
    ['y', 0],
  ]);
  await model.dispose();
  const loop = await loadBuilt(folder, 'loop', countdownLoop(3, 2));
  expect(propagateIntervals(loop, inputs).get('quotient')).toEqual({
    low: Number.NEGATIVE_INFINITY,
    high: Number.POSITIVE_INFINITY,
  });
  expect(findReachableSites(loop, inputs)[0].targets).toHaveLength(1);
  await loop.dispose();
});

test('nothing is ruled out behind sums whose partial sums are rounded to half precision', () => {
  const graph = {
    nodes: [
      { name: 's', op: 'ReduceMean', inputs: ['x'], outputs: ['s'] },
      { name: 't', op: 'Tanh', inputs: ['x'], outputs: ['t'] },
    ],
    inputs: ['x'],
    outputs: ['s', 't'],
    constants: new Map(),
    values: new Map(),
    shapes: new Map([['x', [1, 4]]]),
    types: new Map([...'xst'].map((name) => [name, 'float16'] as const)),
  };
  const highOf = (
    tensor: string,
    partialSums: boolean,
    bfloat16: readonly string[] = [],
  ): number | undefined =>
    propagateIntervals(
      {
        graph: { ...graph, rounding: { partialSums, bfloat16: new Set(bfloat16) } },
        constant: () => undefined,
      },
      new Map([['x', { low: 1, high: 2 }]]),
    ).get(tensor)?.high;
  expect(highOf('s', false)).toBeLessThan(2.1);
  expect(highOf('s', true)).toBe(Number.POSITIVE_INFINITY);
  expect(highOf('t', true)).toBeLessThan(1.01);
  // bfloat16 rounds to fewer digits than float16.
  expect(highOf('t', true, ['t'])).toBeGreaterThan(highOf('t', true) as number);
});
