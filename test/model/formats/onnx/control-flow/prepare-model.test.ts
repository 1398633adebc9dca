import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findNumericalSites } from '../../../../../src/analysis/numerical-sites/find-sites.ts';
import { OnnxBuilder } from '../../../../../src/model/formats/onnx/builder.ts';
import { bodyTensorsOf } from '../../../../../src/model/graph/graph.ts';
import type { Model } from '../../../../../src/model/model.ts';
import {
  branch,
  floats,
  integer,
  loadBuilt,
  sampleRateModel,
  scalar,
} from '../../../../support/control-flow.ts';
import { testFolder } from '../../../../support/folder.ts';

const folder = testFolder();

const opsOf = ({ graph }: Model): string[] => graph.nodes.map(({ op }) => op);

/** A model of x `[batch, 3]` in which an If on `condition` chooses between log and sqrt of x. */
function logOrSqrt(write: (graph: OnnxBuilder) => string): OnnxBuilder {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 3]);
  graph.node('If', [write(graph)], 'chosen', {
    then_branch: branch('Log', ['x'], 'log'),
    else_branch: branch('Sqrt', ['x'], 'sqrt'),
  });
  graph.node('Neg', ['chosen'], 'y');
  graph.output('y', 'float32', ['batch', 3]);
  return graph;
}

const bool = (graph: OnnxBuilder, name: string, value: boolean): string =>
  graph.constant(name, 'bool', [], Uint8Array.of(Number(value)));

describe('an If whose condition is known is its branch', () => {
  test.each<[string, 'Log' | 'Sqrt', (graph: OnnxBuilder) => string]>([
    ['a constant', 'Log', (graph) => bool(graph, 'yes', true)],
    ['a constant of one element', 'Sqrt', (graph) => graph.constant('no', 'bool', [1], Uint8Array.of(0))],
    [
      'computed of constants',
      'Sqrt',
      (graph) => {
        graph.node('Greater', [scalar(graph, 'two', 2), scalar(graph, 'one', 1)], 'greater');
        graph.node('Equal', [integer(graph, 'four', 4), integer(graph, 'five', 5)], 'equal');
        graph.node('And', [graph.node('Or', ['greater', 'equal'], 'either'), 'equal'], 'both');
        return graph.node('Identity', ['both'], 'condition');
      },
    ],
    [
      "an input's number of dimensions",
      'Log',
      (graph) => {
        graph.node('Size', [graph.node('Shape', ['x'], 'shape')], 'rank');
        return graph.node('Equal', ['rank', integer(graph, 'two', 2)], 'is_matrix');
      },
    ],
    [
      "one of an input's sizes",
      'Sqrt',
      (graph) => {
        graph.node('Gather', [graph.node('Shape', ['x'], 'shape'), integer(graph, 'last', -1)], 'columns');
        return graph.node('Equal', ['columns', integer(graph, 'four', 4)], 'has_four');
      },
    ],
    [
      'the shape that a computed tensor has',
      'Log',
      (graph) => {
        graph.node('Transpose', ['x'], 'turned', { perm: [1, 0] });
        graph.node('Gather', [graph.node('Shape', ['turned'], 'shape'), integer(graph, 'first', 0)], 'rows');
        return graph.node('Equal', ['rows', integer(graph, 'three', 3)], 'has_three');
      },
    ],
    [
      'the result of another If that is known',
      'Sqrt',
      (graph) => {
        const flag = (name: string): OnnxBuilder => {
          const body = new OnnxBuilder();
          body.node('Not', ['yes'], name);
          body.output(name, 'bool', []);
          return body;
        };
        bool(graph, 'yes', true);
        return graph.node('If', ['yes'], 'flag', { then_branch: flag('not'), else_branch: flag('not') });
      },
    ],
  ])('%s', async (name, op, write) => {
    const model = await loadBuilt(folder, name.replaceAll(/\W/g, '-'), logOrSqrt(write));
    expect(opsOf(model)).not.toContain('If');
    expect(opsOf(model)).toContain(op);
    expect(opsOf(model)).not.toContain(op === 'Log' ? 'Sqrt' : 'Log');
    const inner = op.toLowerCase();
    expect(model.watchable).toContain(inner);
    expect(findNumericalSites(model)).toMatchObject([{ name: inner, op }]);
    expect(findNumericalSites(model)[0].body).toBeUndefined();
    const { outputs, activations } = await model.run([floats([1, 3], 1, 4, 9)], [inner, 'chosen']);
    const f = op === 'Log' ? Math.log : Math.sqrt;
    const expected = [1, 4, 9].map((x) => Math.fround(f(x)));
    expect([...activations[0].data].map(Number)).toEqual(expected.map((value) => expect.closeTo(value, 5)));
    expect([...activations[1].data]).toEqual([...activations[0].data]);
    expect([...outputs[0].data]).toEqual([...activations[0].data].map((value) => -Number(value)));
    await model.dispose();
  });

  test('and one on what the inputs hold, or on the size of a batch, is left', async () => {
    const onValue = logOrSqrt((graph) => {
      graph.node('ReduceSum', ['x'], 'sum', { keepdims: 0 });
      return graph.node('Greater', ['sum', scalar(graph, 'zero', 0)], 'positive');
    });
    const onBatch = logOrSqrt((graph) => {
      graph.node('Gather', [graph.node('Shape', ['x'], 'shape'), integer(graph, 'first', 0)], 'rows');
      return graph.node('Equal', ['rows', integer(graph, 'one', 1)], 'is_alone');
    });
    const onChance = logOrSqrt((graph) => {
      graph.node('RandomUniform', [], 'random', { shape: [1] });
      return graph.node('Greater', ['random', scalar(graph, 'half', 0.5)], 'heads');
    });
    for (const [i, graph] of [onValue, onBatch, onChance].entries()) {
      const model = await loadBuilt(folder, `open-${i}`, graph);
      expect(opsOf(model)).toContain('If');
      expect(findNumericalSites(model).map(({ name, body }) => [name, body])).toEqual([
        ['log', 'then branch of chosen'],
        ['sqrt', 'else branch of chosen'],
      ]);
      await model.dispose();
    }
  });

  test('within a branch and within the body of a Loop, constants and captured tensors included', async () => {
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['batch', 3]);
    const yes = bool(graph, 'yes', true);
    const inner = new OnnxBuilder();
    inner.node('Add', ['x', scalar(inner, 'shift', 5)], 'shifted');
    inner.node('If', [yes], 'nested', {
      then_branch: branch('Sqrt', ['shifted'], 'root'),
      else_branch: branch('Neg', ['shifted'], 'unused'),
    });
    inner.output('nested', 'float32', ['batch', 3]);
    graph.node('If', [yes], 'chosen', { then_branch: inner, else_branch: branch('Neg', ['x'], 'other') });
    const body = new OnnxBuilder();
    body.input('i', 'int64', []);
    body.input('go', 'bool', []);
    body.input('state', 'float32', ['batch', 3]);
    body.node('Identity', ['go'], 'go_on');
    body.node('If', [yes], 'next', {
      then_branch: branch('Add', ['state', 'chosen'], 'grown'),
      else_branch: branch('Neg', ['state'], 'turned'),
    });
    body.output('go_on', 'bool', []);
    body.output('next', 'float32', ['batch', 3]);
    graph.node('Loop', [integer(graph, 'trips', 2), yes, 'x'], 'y', { body });
    graph.output('y', 'float32', ['batch', 3]);
    const model = await loadBuilt(folder, 'nested', graph);
    expect(opsOf(model)).toEqual(['Add', 'Sqrt', 'Identity', 'Identity', 'Loop']);
    expect(bodyTensorsOf(model.graph).has('grown')).toBe(true);
    expect(bodyTensorsOf(model.graph).has('turned')).toBe(false);
    const { outputs } = await model.run([floats([1, 3], 4, -1, 11)], ['root']);
    expect([...outputs[0].data]).toEqual([10, 3, 19]);
    await model.dispose();
  });
});

test('a condition that cannot be computed, in a branch that is not taken, leaves the others known', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 3]);
  bool(graph, 'no', false);
  const failing = new OnnxBuilder();
  const pair = failing.constant('pair', 'int64', [2], BigInt64Array.of(1n, 2n));
  const triple = failing.constant('triple', 'int64', [3], BigInt64Array.of(1n, 2n, 3n));
  failing.node('Gather', [triple, failing.node('Mul', [pair, pair], 'four')], 'beyond');
  failing.node('ReduceMax', ['beyond'], 'largest', { keepdims: 0 });
  failing.node('Cast', ['largest'], 'condition', { to: 9 });
  failing.node('If', ['condition'], 'inner', {
    then_branch: branch('Neg', ['x'], 'first'),
    else_branch: branch('Abs', ['x'], 'second'),
  });
  failing.output('inner', 'float32', ['batch', 3]);
  graph.node('If', ['no'], 'y', { then_branch: failing, else_branch: branch('Sqrt', ['x'], 'root') });
  graph.output('y', 'float32', ['batch', 3]);
  const model = await loadBuilt(folder, 'failing', graph);
  expect(opsOf(model)).toEqual(['Sqrt', 'Identity']);
  await model.dispose();
});

test('names that both branches, or a branch and the graph around it, have stay the names of operations apart', async () => {
  const model = await loadBuilt(folder, 'rates', sampleRateModel());
  const sites = findNumericalSites(model).map(({ name, op, tensors, body }) => [name, op, tensors[0], body]);
  expect(sites).toEqual([
    ['raw', 'Sqrt', 'x', 'then branch of chosen'],
    ['chosen/else/raw', 'Log', 'x', 'else branch of chosen'],
  ]);
  await model.dispose();
});

test('an input of one value decides a branch, whose operations keep their names; a run with another is refused', async () => {
  const invariants = { values: { sr: { type: 'int64' as const, shape: [], values: [8000] } }, shapes: {} };
  const model = await loadBuilt(folder, 'fixed', sampleRateModel(), { invariants });
  expect(opsOf(model)).toEqual(['Equal', 'Log', 'Mul', 'Identity', 'Neg']);
  expect(findNumericalSites(model)).toMatchObject([{ name: 'chosen/else/raw', op: 'Log' }]);
  const rate = (value: bigint) => ({ type: 'int64' as const, shape: [], data: BigInt64Array.of(value) });
  const x = floats([1, 4], 1, 2, 3, 4);
  const { outputs } = await model.run([x, rate(8000n)], ['chosen']);
  const plain = await model.run([x, rate(8000n)], []);
  expect(outputs[0].data).toEqual(plain.outputs[0].data);
  await expect(model.run([x, rate(16000n)], ['chosen'])).rejects.toThrow(
    "input sr has another value than the model's branches were chosen for",
  );
  // The unmodified model takes any.
  expect([...(await model.run([x, rate(16000n)], [])).outputs[0].data][3]).toBe(-4);
  await model.dispose();
});

test('shapes that the inputs have in all runs decide branches, one after the other; a run with another is refused', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['rows', 'columns']);
  const sizeOf = (body: OnnxBuilder, tensor: string, axis: number): string =>
    body.node(
      'Gather',
      [body.node('Shape', [tensor], `${tensor}_shape`), integer(body, `${tensor}_axis`, axis)],
      `${tensor}_size`,
    );
  // Only where two columns are known to be cut off is it known how many are left of five, and that is once x has five.
  graph.node('Equal', [sizeOf(graph, 'x', 1), integer(graph, 'five', 5)], 'is_wide');
  const cut = new OnnxBuilder();
  const index = (name: string, value: number): string =>
    cut.constant(name, 'int64', [1], BigInt64Array.of(BigInt(value)));
  cut.node('Slice', ['x', index('from', 0), index('to', 3), index('axis', 1)], 'narrow');
  cut.output('narrow', 'float32', ['rows', 'left']);
  graph.node('If', ['is_wide'], 'cut', { then_branch: cut, else_branch: branch('Neg', ['x'], 'other') });
  graph.node('Equal', [sizeOf(graph, 'cut', 1), integer(graph, 'three', 3)], 'is_narrow');
  graph.node('If', ['is_narrow'], 'y', {
    then_branch: branch('Sqrt', ['cut'], 'root'),
    else_branch: branch('Log', ['cut'], 'log'),
  });
  graph.output('y', 'float32', ['rows', 'left']);
  const free = await loadBuilt(folder, 'free', graph);
  expect(opsOf(free).filter((op) => op === 'If')).toHaveLength(2);
  await free.dispose();
  const invariants = { values: {}, shapes: { x: [null, 5] } };
  const model = await loadBuilt(folder, 'shapes', graph, { invariants });
  expect(opsOf(model)).not.toContain('If');
  expect(model.watchable).toContain('root');
  const { outputs } = await model.run([floats([2, 5], 1, 4, 9, 0, 0, 16, 25, 36, 0, 0)], ['root']);
  expect([...outputs[0].data]).toEqual([1, 2, 3, 4, 5, 6]);
  await expect(model.run([floats([1, 3], 1, 4, 9)], ['root'])).rejects.toThrow(
    "input x has another shape than the model's branches were chosen for",
  );
  await model.dispose();
});

test('gives the results of the file on the runtime, bit by bit, whatever branches are known and whatever x is', async () => {
  const ops = ['Sqrt', 'Exp', 'Neg', 'Abs', 'Sigmoid', 'Tanh'];
  const op = fc.constantFrom(...ops);
  const ifs = fc.array(fc.tuple(fc.constantFrom('yes', 'no', 'open'), op, op, op), {
    minLength: 1,
    maxLength: 4,
  });
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      ifs,
      fc.array(fc.float({ noNaN: true }), { minLength: 6, maxLength: 6 }),
      async (chain, xs) => {
        const graph = new OnnxBuilder();
        graph.input('x', 'float32', ['batch', 3]);
        bool(graph, 'yes', true);
        bool(graph, 'no', false);
        graph.node('ReduceSum', ['x'], 'sum', { keepdims: 0 });
        graph.node('Greater', ['sum', scalar(graph, 'zero', 0)], 'open');
        let last = 'x';
        chain.forEach(([condition, first, second, third], i) => {
          // Every branch has tensors of the same names.
          const outer = new OnnxBuilder();
          outer.node(first, [last], 'a');
          outer.node('If', [chain[(i + 1) % chain.length][0]], 'b', {
            then_branch: branch(second, ['a'], 'c'),
            else_branch: branch(third, ['a'], 'c'),
          });
          outer.output('b', 'float32', ['batch', 3]);
          last = graph.node('If', [condition], `if_${i}`, {
            then_branch: outer,
            else_branch: branch(third, [last], 'a'),
          });
        });
        graph.node('Neg', [last], 'y');
        graph.output('y', 'float32', ['batch', 3]);
        const model = await loadBuilt(folder, `chain-${number++}`, graph);
        const feeds = [floats([2, 3], ...xs)];
        const plain = await model.run(feeds, []);
        const bodies = [...bodyTensorsOf(model.graph).keys()];
        const observed = await model.run(feeds, [...model.watchable, ...bodies]);
        expect(observed.outputs[0].data).toEqual(plain.outputs[0].data);
        await model.dispose();
      },
    ),
    { numRuns: 40 },
  );
});
