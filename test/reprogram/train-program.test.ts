import { expect, test } from '@jest/globals';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { classLoss, ProgramOracle } from '../../src/reprogram/program-oracle.ts';
import { type TrainRequest, trainProgram } from '../../src/reprogram/train-program.ts';
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

const request = (method: TrainRequest['method'], target: number): TrainRequest => ({
  inputs,
  target,
  method,
  steps: 40,
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
    const first = await trainProgram(model, request(method, 1), 64, (share) => shares.push(share));
    const again = await trainProgram(model, request(method, 1), 64);
    expect([...again.weights]).toEqual([...first.weights]);
    expect(first.curve.at(-1)).toBeLessThan(first.curve[0]);
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    const countOf = (logits: readonly Float64Array[]): number =>
      logits.filter((row) => row.indexOf(Math.max(...row)) === 1).length;
    const before = countOf(await oracle.logits(inputs, new Float64Array(4)));
    expect(countOf(await oracle.logits(inputs, first.weights))).toBeGreaterThan(before);
    expect(first.queries).toBe(method === 'gradient' ? 2 * 40 * 3 * 64 : 2 * 25 * 2 * 20 * 32);
  });
});
