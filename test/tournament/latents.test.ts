import { expect, test } from '@jest/globals';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { drawLatents, pickLatents, SAMPLES } from '../../src/tournament/latents.ts';
import { testcaseOf } from '../support/tasks.ts';

const form = shapeSignatureOf([
  makeTestcaseInput({ name: 'z', type: 'float32', shape: [50] }, [50]),
  makeTestcaseInput({ name: 'class', type: 'int64', shape: [] }, []),
]);
const ranges = [
  { low: 0, high: 1 },
  { low: 0, high: 9 },
];

test('floats are drawn by a law, and classes evenly', () => {
  const [normal, classes] = drawLatents(form, ranges, 'normal', 's', 3).inputs;
  const values = Array.from(normal, Number);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  expect(values).toHaveLength(SAMPLES * 50);
  expect(mean).toBeCloseTo(0, 1);
  expect(variance).toBeCloseTo(1, 1);
  const counts = Array.from(
    { length: 10 },
    (_, k) => Array.from(classes, Number).filter((c) => c === k).length,
  );
  expect(Math.min(...counts)).toBe(6);
  expect(Math.max(...counts)).toBe(7);
  const uniform = Array.from(drawLatents(form, ranges, 'uniform', 's', 3).inputs[0], Number);
  expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...uniform)).toBeLessThanOrEqual(1);
  expect(Math.min(...uniform)).toBeLessThan(-0.98);
});

test('each game has latent vectors of its own, the same whenever they are drawn', () => {
  const draw = (game: number) => drawLatents(form, ranges, 'normal', 's', game).inputs;
  expect(draw(3)).toEqual(draw(3));
  expect(draw(3)).not.toEqual(draw(4));
});

test('vectors of a file are drawn with replacement', () => {
  const vectors = [1, 2, 3].map((value) => testcaseOf([value, value]));
  const { form: picked, inputs } = pickLatents(vectors, 's', 1);
  expect(picked.inputs[0].size).toBe(2);
  expect(inputs[0]).toHaveLength(2 * SAMPLES);
  expect(new Set(Array.from(inputs[0], Number))).toEqual(new Set([1, 2, 3]));
});
