import { expect, test } from '@jest/globals';
import {
  criterionHelp,
  observedTensors,
  resolveCriterion,
  tensorChoice,
} from '../../src/coverage/registry.ts';
import { runOf, tensorOf } from '../support/observations.ts';

const settings = { seed: 'seed', varying: false };

test('built-in criteria are made by their names and compare by distance', async () => {
  const run = runOf(tensorOf('a', [[3, 4]]));
  const norm = await resolveCriterion('norm', settings);
  expect([...norm.observe(run)]).toEqual([5]);
  const values = await resolveCriterion('values', settings);
  expect([...values.observe(run)]).toEqual([3, 4]);
  expect([norm.feedback, values.feedback]).toEqual(['distance', 'distance']);
  await expect(resolveCriterion('vales', settings)).rejects.toThrow(
    '--measure: unknown criterion vales: did you mean values? neurofuzz coverage lists them',
  );
});

test('a criterion without a calibration of its own has the 99 % quantile of steps', async () => {
  const walk = Array.from({ length: 200 }, (_, i) => ({
    from: Float32Array.of(0),
    vector: Float32Array.of(Math.sqrt(i + 1)),
  }));
  expect((await resolveCriterion('values', settings)).calibrate(walk)).toBeCloseTo(199, 3);
  expect((await resolveCriterion('norm', settings)).calibrate(walk)).toBeCloseTo(101 / 25, 3);
  expect((await resolveCriterion('norm:cell=1', settings)).calibrate(walk)).toBeCloseTo(101, 3);
});

test('the help of a built-in criterion says what is compared, and a module stands for itself', () => {
  expect(criterionHelp('norm:cell=1')).toBe('vector norm');
  expect(criterionHelp('./own.js')).toBe('./own.js');
});

test('a module is not loaded to learn which tensors it watches: it may be of a campaign that is not trusted yet', () => {
  const module = '/nowhere/criterion.js';
  expect(tensorChoice(module)).toBeUndefined();
  expect(observedTensors(module, ['a'], { meanOf: () => 'mean' })).toEqual(['a']);
  expect(observedTensors('neuron', ['a'], { meanOf: () => 'mean' })).toEqual(['mean']);
  expect(tensorChoice('attention')).toBeDefined();
});
