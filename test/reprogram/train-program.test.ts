import { expect, test } from '@jest/globals';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import type { ProgramGoal } from '../../src/reprogram/goal.ts';
import { classLoss } from '../../src/reprogram/losses.ts';
import { ProgramOracle } from '../../src/reprogram/program-oracle.ts';
import {
  bestStart,
  queriesOf,
  type TrainRequest,
  tenths,
  trainProgram,
} from '../../src/reprogram/train-program.ts';
import { testFolder } from '../support/folder.ts';
import { writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const form = shapeSignatureOf([makeTestcaseInput({ name: 'x', type: 'float32', shape: [null, 4] }, [4])]);
const inputs = Array.from({ length: 24 }, (_, i) => ({
  form,
  inputs: [Float32Array.from([0, 1, 2, 3], (j) => ((7 * i + 5 * j) % 20) / 20)],
}));
const placement = {
  mode: 'replace',
  mask: Uint8Array.of(1, 1, 0, 0),
  epsilon: 0,
  low: new Float64Array(4),
  high: new Float64Array(4).fill(1),
} as const;

async function withOracle<T>(work: (model: BatchedModel, oracle: ProgramOracle) => Promise<T>): Promise<T> {
  const model = await loadModel(writeSoftmaxOnnx(folder), { runtime: 'auto' });
  const batched = new BatchedModel(model);
  await batched.probe({ form, inputs: [new Float32Array(8)], capacity: 2 }, []);
  const oracle = new ProgramOracle(batched, { placement, position: 0, rule: RULE, maxRows: 64 });
  try {
    return await work(batched, oracle);
  } finally {
    await model.dispose();
  }
}

const RULE = { confidence: 'max-logit' } as never;

const request = (method: TrainRequest['method'], goal: ProgramGoal): TrainRequest => ({
  inputs,
  goal,
  method,
  steps: 40,
  draws: 1,
  start: 0,
  queries: 2 * 25 * 2 * 20 * 32,
  seed: 'program',
  placement,
  position: 0,
  rule: RULE,
});

test('the gradient of a program is that of differences, through shares', async () => {
  await withOracle(async (_, oracle) => {
    const weights = Float64Array.of(0.2, -0.4, 0.1, 0.3);
    const loss = classLoss(2);
    const meanAt = async (at: Float64Array): Promise<number> => {
      const logits = await oracle.logits(inputs, at);
      return logits.reduce((sum, row, i) => sum + loss(row, i).loss, 0) / logits.length;
    };
    const { loss: mean, gradient } = await oracle.differentiate(inputs, weights, loss);
    expect(mean).toBeCloseTo(await meanAt(weights), 5);
    for (const i of [0, 1]) {
      const moved = (by: number): Float64Array => weights.map((w, k) => (k === i ? w + by : w));
      const difference = ((await meanAt(moved(0.02))) - (await meanAt(moved(-0.02)))) / 0.04;
      expect(gradient[i]).toBeCloseTo(difference, 2);
    }
    // Outside the mask nothing changes.
    expect([...gradient.slice(2)]).toEqual([0, 0]);
  });
});

test.each(['gradient', 'nes'] as const)('%s lowers the loss, and gives the same again', async (method) => {
  await withOracle(async (model, oracle) => {
    const shares: number[] = [];
    const asked = request(method, { kind: 'class', target: 1 });
    const first = await trainProgram(model, asked, 64, (share) => shares.push(share));
    const again = await trainProgram(model, asked, 64);
    expect([...again.weights]).toEqual([...first.weights]);
    const curve = tenths(first.losses);
    expect(curve.at(-1)).toBeLessThan(curve[0]);
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    const countOf = (logits: readonly Float64Array[]): number =>
      logits.filter((row) => row.indexOf(Math.max(...row)) === 1).length;
    const before = countOf(await oracle.logits(inputs, new Float64Array(4)));
    expect(countOf(await oracle.logits(inputs, first.weights))).toBeGreaterThan(before);
    // There are 24 inputs, fewer than a batch has.
    expect(queriesOf(asked, inputs.length)).toBe(
      method === 'gradient' ? 2 * 40 * 3 * 24 : 2 * 25 * 2 * 20 * 24,
    );
  });
});

test('another start gives another program, and the best has the lowest loss in the end', async () => {
  await withOracle(async (model) => {
    const starts = [0, 1].map((start) => ({ ...request('gradient', { kind: 'class', target: 1 }), start }));
    const [first, second] = [
      await trainProgram(model, starts[0], 64),
      await trainProgram(model, starts[1], 64),
    ];
    expect([...second.weights]).not.toEqual([...first.weights]);
    const ends = [first, second].map(({ losses }) => losses.slice(-4).reduce((sum, loss) => sum + loss, 0));
    expect(bestStart([first, second])).toBe(ends[1] < ends[0] ? second : first);
  });
});

test('a program makes the model unsure of every class', async () => {
  await withOracle(async (model, oracle) => {
    const { weights } = await trainProgram(model, request('gradient', { kind: 'abstain', below: 0.6 }), 64);
    const topOf = (logits: readonly Float64Array[]): number =>
      logits.reduce((sum, row) => sum + Math.exp(Math.max(...row)), 0) / logits.length;
    const none = await oracle.logits(inputs, new Float64Array(4), { strength: 0 });
    // The model gives shares, whose logarithms are the logits.
    expect(topOf(await oracle.logits(inputs, weights))).toBeLessThan(topOf(none));
  });
});

test('a task is learned with classes that are assigned at steps 0, 100 and 300, or given', async () => {
  await withOracle(async (model) => {
    const labels = inputs.map((_, i) => i % 2);
    const asked = request('gradient', { kind: 'task', labels, labelCount: 2, map: 'assign' });
    const { map } = await trainProgram(model, asked, 64);
    expect(map.map(({ length }) => length)).toEqual([1, 1]);
    expect(new Set(map.flat()).size).toBe(2);
    expect(queriesOf(asked, inputs.length)).toBe(2 * (40 * 3 * 24 + 24));
    const given = request('gradient', { kind: 'task', labels, labelCount: 2, map: [[2], [0, 1]] });
    expect((await trainProgram(model, given, 64)).map).toEqual([[2], [0, 1]]);
  });
});
