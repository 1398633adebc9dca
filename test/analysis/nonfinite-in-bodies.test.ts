import { describe, expect, test } from '@jest/globals';
import { NonfiniteLocalizer } from '../../src/analysis/nonfinite-localizer.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import {
  branch,
  countdownLoop,
  floats,
  integer,
  loadBuilt,
  recurrentScan,
  sampleRateModel,
  scalar,
} from '../support/control-flow.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const rate = (value: number) => ({
  type: 'int64' as const,
  shape: [],
  data: BigInt64Array.of(BigInt(value)),
});

describe('an operation of a body at which numbers stop being finite', () => {
  test('is named, of an If by the branch that is taken, and its path leads out of the body', async () => {
    const model = await loadBuilt(folder, 'rates', sampleRateModel());
    const localizer = new NonfiniteLocalizer(model);
    const x = floats([1, 4], 1, -1, 2, 3);
    expect(await localizer.locate([x, rate(16000)])).toMatchObject({
      node: { name: 'raw', op: 'Sqrt' },
      kind: 'nan',
      path: ['raw', 'result', 'chosen', 'y'],
    });
    const log = await localizer.locate([x, rate(8000)]);
    expect(log).toMatchObject({ node: { name: 'chosen/else/raw', op: 'Log' }, kind: 'nan' });
    expect(await localizer.locate([floats([1, 4], 1, 2, 3, 4), rate(8000)])).toBeUndefined();
    if (log === undefined) throw new Error('nothing was found');
    expect(await localizer.describe(log, [x, rate(8000)])).toMatchObject({
      result: 'NaN',
      index: 1,
      operands: [{ tensor: 'x', value: -1, range: [-1, 3] }],
    });
    await model.dispose();
  });

  test('has the same name once an input of one value has decided the branch', async () => {
    const invariants = { values: { sr: { type: 'int64' as const, shape: [], values: [8000] } }, shapes: {} };
    const model = await loadBuilt(folder, 'fixed', sampleRateModel(), { invariants });
    const origin = await new NonfiniteLocalizer(model).locate([floats([1, 4], 1, -1, 2, 3), rate(8000)]);
    expect(origin?.node.name).toBe('chosen/else/raw');
    await model.dispose();
  });

  test('is looked for in the first iteration that fails, whose operands are still finite', async () => {
    // The third iteration divides by zero, and the two that follow are given what it makes.
    const model = await loadBuilt(folder, 'loop', countdownLoop(5, 2));
    const localizer = new NonfiniteLocalizer(model);
    const feeds = [floats([1, 2], 6, 0)];
    const origin = await localizer.locate(feeds);
    expect(origin).toMatchObject({
      node: { name: 'quotient', op: 'Div', body: 'loop looped' },
      path: ['quotient', 'looped', 'y'],
    });
    if (origin === undefined) throw new Error('nothing was found');
    const { operands, result } = await localizer.describe(origin, feeds);
    expect(result).toBe('NaN');
    expect(operands.map(({ tensor }) => tensor)).toEqual(['state', 'left']);
    await model.dispose();
    const sound = await loadBuilt(folder, 'sound', countdownLoop(2, 2));
    expect(await new NonfiniteLocalizer(sound).locate(feeds)).toBeUndefined();
    await sound.dispose();
  });

  test('is found in a Scan, at whatever step', async () => {
    const model = await loadBuilt(folder, 'scan', recurrentScan());
    const localizer = new NonfiniteLocalizer(model);
    const locate = async (...x: number[]) =>
      (await localizer.locate([floats([3, 1, 2], ...x), floats([1, 2], 1, 1)]))?.node.name;
    expect(await locate(1, 1, 1, 1, 1, 1)).toBeUndefined();
    expect(await locate(1, 1, 1, -9, 1, 1)).toBe('after');
    expect(await locate(-1, 1, 1, 1, 1, 1)).toBe('after');
    await model.dispose();
  });

  test('is not a mask of −∞ that a body is given and works off, but the NaN of a later iteration', async () => {
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['batch', 2]);
    const mask = graph.constant('mask', 'float32', [2], Float32Array.of(0, Number.NEGATIVE_INFINITY));
    const body = new OnnxBuilder();
    body.input('i', 'int64', []);
    body.input('go', 'bool', []);
    body.input('scores', 'float32', ['batch', 2]);
    body.node('Identity', ['go'], 'go_on');
    // −∞ goes from iteration to iteration; the square root goes wrong once x minus its number is below zero.
    body.node('Sub', ['x', body.node('Cast', ['i'], 'number', { to: 1 })], 'left');
    body.node('Add', [body.node('Sqrt', ['left'], 'root'), 'scores'], 'better');
    body.output('go_on', 'bool', []);
    body.output('better', 'float32', ['batch', 2]);
    const always = graph.constant('always', 'bool', [], Uint8Array.of(1));
    graph.node('Add', [graph.node('Abs', ['x'], 'size'), mask], 'masked');
    graph.node('Loop', [integer(graph, 'trips', 3), always, 'masked'], 'scored', { body });
    graph.node('Neg', ['scored'], 'y');
    graph.output('y', 'float32', ['batch', 2]);
    const model = await loadBuilt(folder, 'mask', graph);
    const localizer = new NonfiniteLocalizer(model);
    expect(await localizer.locate([floats([1, 2], 5, 5)])).toBeUndefined();
    expect(await localizer.locate([floats([1, 2], 1, 5)])).toMatchObject({
      node: { name: 'root', op: 'Sqrt' },
      kind: 'nan',
    });
    await model.dispose();
  });

  test('is found in a branch within a Loop that only one iteration takes', async () => {
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['batch', 3]);
    const body = new OnnxBuilder();
    body.input('i', 'int64', []);
    body.input('go', 'bool', []);
    body.input('state', 'float32', ['batch', 3]);
    body.node('Identity', ['go'], 'go_on');
    body.node('Equal', ['i', integer(body, 'second', 1)], 'is_second');
    body.node('If', ['is_second'], 'next', {
      then_branch: branch('Reciprocal', ['state'], 'inverse'),
      else_branch: branch('Add', ['state', 'x'], 'sum'),
    });
    body.output('go_on', 'bool', []);
    body.output('next', 'float32', ['batch', 3]);
    const always = graph.constant('always', 'bool', [], Uint8Array.of(1));
    graph.node('Loop', [integer(graph, 'trips', 4), always, scalar(graph, 'start', 0)], 'y', { body });
    graph.output('y', 'float32', ['batch', 3]);
    const model = await loadBuilt(folder, 'branch-in-loop', graph);
    const origin = await new NonfiniteLocalizer(model).locate([floats([1, 3], 1, 0, 2)]);
    expect(origin).toMatchObject({
      node: { name: 'inverse', body: 'then branch of next in loop y' },
      kind: 'inf',
      path: ['inverse', 'next', 'y'],
    });
    await model.dispose();
  });
});
