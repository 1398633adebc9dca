import { describe, expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../../../../src/model/formats/onnx/builder.ts';
import { bodyTensorsOf } from '../../../../../src/model/graph/graph.ts';
import type { NamedTensor } from '../../../../../src/model/model.ts';
import {
  branch,
  countdownLoop,
  floats,
  integer,
  loadBuilt,
  recurrentScan,
  scalar,
} from '../../../../support/control-flow.ts';
import { testFolder } from '../../../../support/folder.ts';

const folder = testFolder();

const valuesOf = ({ shape, data }: NamedTensor) => ({ shape, values: [...data].map(Number) });

describe('tensors of a body', () => {
  test('of an If have values where the branch is taken, and none where it is not', async () => {
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['batch', 3]);
    graph.node('ReduceSum', ['x'], 'sum', { keepdims: 0 });
    graph.node('Greater', ['sum', scalar(graph, 'zero', 0)], 'positive');
    graph.node('If', ['positive'], 'y', {
      then_branch: branch('Abs', ['x'], 'kept'),
      else_branch: branch('Neg', ['x'], 'turned'),
    });
    graph.output('y', 'float32', ['batch', 3]);
    const model = await loadBuilt(folder, 'if', graph);
    const run = async (...x: number[]) => {
      const { outputs, activations } = await model.run([floats([1, 3], ...x)], ['turned', 'kept', 'sum']);
      return [...outputs, ...activations].map(valuesOf);
    };
    expect(await run(1, 2, 3)).toEqual([
      { shape: [1, 3], values: [1, 2, 3] },
      { shape: [0], values: [] },
      { shape: [1, 3], values: [1, 2, 3] },
      { shape: [], values: [6] },
    ]);
    expect(await run(-1, -2, 1)).toEqual([
      { shape: [1, 3], values: [1, 2, -1] },
      { shape: [1, 3], values: [1, 2, -1] },
      { shape: [0], values: [] },
      { shape: [], values: [-2] },
    ]);
    await model.dispose();
  });

  test('of a Loop are those of all iterations, behind the batch; what it is given too', async () => {
    const model = await loadBuilt(folder, 'loop', countdownLoop(3, 4));
    const { outputs, activations } = await model.run(
      [floats([2, 2], 24, 48, 240, 0)],
      ['quotient', 'state', 'left'],
    );
    expect(outputs.map(valuesOf)).toEqual([{ shape: [2, 2], values: [-1, -2, -10, -0] }]);
    expect(activations.map(valuesOf)).toEqual([
      { shape: [2, 3, 2], values: [6, 12, 2, 4, 1, 2, 60, 0, 20, 0, 10, 0] },
      { shape: [2, 3, 2], values: [24, 48, 6, 12, 2, 4, 240, 0, 60, 0, 20, 0] },
      { shape: [1, 3], values: [4, 3, 2] },
    ]);
    await model.dispose();
  });

  test('of a Loop that does not run are none', async () => {
    const model = await loadBuilt(folder, 'no-trips', countdownLoop(0, 4));
    const { activations } = await model.run([floats([2, 2], 1, 2, 3, 4)], ['quotient']);
    expect(activations[0].data).toHaveLength(0);
    await model.dispose();
  });

  test('of a Scan are those of all steps, whatever results it has', async () => {
    const model = await loadBuilt(folder, 'scan', recurrentScan());
    const { outputs, activations } = await model.run(
      [floats([3, 1, 2], 1, 1, 1, 2, 3, 1), floats([1, 2], 0, 1)],
      ['sum', 'after'],
    );
    const [sum, after] = activations.map(valuesOf);
    expect(sum.shape).toEqual([1, 3, 2]);
    expect(sum.values).toEqual([1, 2, 1, Math.fround(2 + Math.log(2)), 3, expect.closeTo(1.9905, 3)]);
    expect(after.values.slice(-2)).toEqual(valuesOf(outputs[0]).values);
    expect(after.values).toEqual(valuesOf(outputs[1]).values);
    await model.dispose();
  });

  test('of a branch in a Loop in a Loop have an axis for each loop', async () => {
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['batch', 3]);
    const always = graph.constant('always', 'bool', [], Uint8Array.of(1));
    const loopBody = (state: string, next: string, write: (body: OnnxBuilder) => void): OnnxBuilder => {
      const body = new OnnxBuilder();
      body.input(`${state}_i`, 'int64', []);
      body.input(`${state}_go`, 'bool', []);
      body.input(state, 'float32', ['batch', 3]);
      body.node('Identity', [`${state}_go`], `${state}_go_on`);
      write(body);
      body.output(`${state}_go_on`, 'bool', []);
      body.output(next, 'float32', ['batch', 3]);
      return body;
    };
    const inner = loopBody('b', 'b_next', (body) => {
      body.node('ReduceMax', ['x'], 'largest', { keepdims: 0 });
      body.node('Greater', ['largest', scalar(body, 'zero', 0)], 'positive');
      body.node('If', ['positive'], 'b_next', {
        then_branch: branch('Add', ['b', 'x'], 'grown'),
        else_branch: branch('Sub', ['b', 'x'], 'shrunk'),
      });
    });
    const outer = loopBody('a', 'a_next', (body) => {
      body.node('Loop', [integer(body, 'inner_trips', 2), always, 'a'], 'a_next', { body: inner });
    });
    graph.node('Loop', [integer(graph, 'outer_trips', 3), always, 'x'], 'y', { body: outer });
    graph.output('y', 'float32', ['batch', 3]);
    const model = await loadBuilt(folder, 'deep', graph);
    expect(bodyTensorsOf(model.graph).get('grown')).toEqual({ depth: 3, loops: 2 });
    const { outputs, activations } = await model.run([floats([1, 3], 1, 0, -1)], ['grown', 'shrunk']);
    expect(valuesOf(outputs[0]).values).toEqual([7, 0, -7]);
    expect(activations[0].shape).toEqual([1, 3, 2, 3]);
    expect(valuesOf(activations[0]).values.filter((_, i) => i % 3 === 0)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(activations[1].data).toHaveLength(0);
    await model.dispose();
  });
});
