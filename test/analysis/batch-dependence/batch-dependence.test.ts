import { describe, expect, test } from '@jest/globals';
import {
  arrange,
  findAnswerDependence,
  lookRows,
  MAX_COMPARED_ROWS,
} from '../../../src/analysis/batch-dependence/batch-dependence.ts';
import { randomStream } from '../../../src/core/random.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import type { Model } from '../../../src/model/model.ts';
import { pairModels } from '../../../src/model/second-model.ts';
import { functionModel } from '../../support/function-model.ts';
import { testcaseOf } from '../../support/tasks.ts';

/** The answers to all rows of a run, one number each. */
type Answer = (rows: readonly number[]) => readonly number[];

function modelOf(answer: Answer): Model & { readonly rows: number[] } {
  const ran: number[] = [];
  const model = functionModel(
    { inputs: [{ name: 'x', type: 'float32', shape: [null, 1] }], outputs: ['y'] },
    ([{ data }]) => {
      const answers = Float32Array.from(answer([...(data as Float32Array)]));
      ran.push(answers.length);
      return [{ name: 'y', type: 'float32', shape: [answers.length, 1], data: answers }];
    },
  );
  return { ...model, rows: ran };
}

const mean = (rows: readonly number[]): number => rows.reduce((sum, x) => sum + x, 0) / rows.length;
const values = [1, 2, -3, 4.5, 0.5, 7, -1];
const find = (answer: Answer, rows = MAX_COMPARED_ROWS) =>
  findAnswerDependence(
    new BatchedModel(modelOf(answer)),
    values.slice(0, rows).map((value) => testcaseOf([value])),
  );

const NEIGHBOURS = { side: 'reference', cause: 'neighbours' };
const PLACE = { side: 'reference', cause: 'place' };

describe('answers depend on their neighbours', () => {
  test.each<[string, Answer]>([
    ['by a mean', (rows) => rows.map((x) => x - mean(rows))],
    [
      'by the largest value, as one scale of all does',
      (rows) => rows.map((x) => x / Math.max(...rows.map(Math.abs))),
    ],
    [
      'by a share of a sum',
      (rows) => rows.map((x) => Math.exp(x) / rows.reduce((sum, y) => sum + Math.exp(y), 0)),
    ],
    ['by the one before, as steps of a sequence do', (rows) => rows.map((x, i) => x + (rows[i - 1] ?? 0))],
    ['by a value that is not finite', (rows) => rows.map((x) => Math.sqrt(x - mean(rows)))],
    ['by a thousandth', (rows) => rows.map((x) => x + 1e-3 * mean(rows))],
  ])('%s', async (_, answer) => {
    for (const rows of [2, 3, MAX_COMPARED_ROWS]) expect(await find(answer, rows)).toEqual(NEIGHBOURS);
  });
});

describe('answers depend on their place', () => {
  test.each<[string, Answer]>([
    ['in the run', (rows) => rows.map((x, i) => x + i)],
    ['by the number of rows', (rows) => rows.map((x) => x / rows.length)],
  ])('%s', async (_, answer) => {
    expect(await find(answer)).toEqual(PLACE);
  });
});

describe('answers do not depend on the batch', () => {
  test.each<[string, Answer]>([
    ['where each row has its own', (rows) => rows.map((x) => x * x)],
    ['where all are NaN', (rows) => rows.map(() => Number.NaN)],
    [
      'where neighbours change the rounding',
      (rows) => rows.map((x) => x * (1 + 1e-6 * Math.sign(mean(rows)))),
    ],
    // Another kernel for other sizes, whose rounding turns a level of a quantized tensor.
    [
      'where a size of run turns a quantized level',
      (rows) => rows.map((x) => x + (rows.length > 1 ? 0.004 : 0)),
    ],
  ])('%s', async (_, answer) => {
    expect(await find(answer)).toBeUndefined();
  });

  test('as far as can be told of a model that draws numbers', async () => {
    const random = randomStream('batch', 'dependence');
    expect(await find((rows) => rows.map((x) => x + random.uniform()))).toBeUndefined();
  });
});

test('of a pair, the model whose answers depend on it is named', async () => {
  const sound = (): Model => modelOf((rows) => rows);
  const pair = pairModels(
    sound(),
    modelOf((rows) => rows.map((x) => x - mean(rows))),
    undefined,
  );
  const testcases = values.map((value) => testcaseOf([value]));
  expect(await findAnswerDependence(new BatchedModel(pair), testcases)).toEqual({
    side: 'second',
    cause: 'neighbours',
  });
});

test('a look runs as many rows as it says', async () => {
  const model = modelOf((rows) => rows);
  await findAnswerDependence(
    new BatchedModel(model),
    values.map((value) => testcaseOf([value])),
  );
  expect(model.rows.reduce((sum, rows) => sum + rows, 0)).toBe(lookRows(values.length));
});

test('every second testcase keeps its place, and has another neighbour', () => {
  expect(arrange(['a', 'b', 'c'])).toEqual({
    mixed: ['a', 'b', 'c'],
    evenKept: ['a', 'a', 'c'],
    oddKept: ['b', 'b', 'b'],
  });
  expect(arrange(['a', 'b'])).toMatchObject({ evenKept: ['a', 'a'], oddKept: ['b', 'b'] });
});
