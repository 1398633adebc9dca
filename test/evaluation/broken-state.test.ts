import { expect, test } from '@jest/globals';
import { findBrokenState, findStateLoops } from '../../src/evaluation/broken-state.ts';
import type { Model, NamedTensor } from '../../src/model/model.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { functionModel } from '../support/function-model.ts';

const tensor = (...values: number[]): Tensor => ({
  type: 'float32',
  shape: [1, values.length],
  data: Float32Array.from(values),
});
const named = (name: string, value: Tensor): NamedTensor => ({ ...value, name });
const inputs = (...names: string[]) =>
  names.map((name) => ({ name, type: 'float32' as const, shape: [1, 2] }));

/** A recurrent network: the next state is a function of the state and the signal. */
function recurrent(next: (state: number, signal: number) => number): Model {
  return functionModel({ inputs: inputs('signal', 'h0'), outputs: ['y', 'hn'] }, ([signal, state]) => {
    const values = Float32Array.from(state.data as Float32Array, (h, i) =>
      next(h, (signal.data as Float32Array)[i]),
    );
    return [named('y', tensor(1, 2, 3)), named('hn', { ...state, data: values })];
  });
}

test('an output is the next value of the state that has its name, its type and its shape', () => {
  const [a, b] = [tensor(1, 2), tensor(1, 2, 3)];
  const loops = (names: readonly string[], outputs: readonly NamedTensor[]) =>
    findStateLoops(inputs(...names), [a, a], outputs).map(({ input, output }) => [names[input], output]);
  expect(loops(['h0', 'c0'], [named('y', a), named('hn', a), named('cn', a)])).toEqual([
    ['h0', 'hn'],
    ['c0', 'cn'],
  ]);
  expect(loops(['state', 'x'], [named('y', b), named('stateN', a)])).toEqual([['state', 'stateN']]);
  expect(
    loops(['past_key_values.0.key', 'x'], [named('present.0.key', a), named('present.1.key', b)]),
  ).toEqual([['past_key_values.0.key', 'present.0.key']]);
  expect(loops(['h0', 'x'], [named('hn', b)])).toEqual([]);
  expect(loops(['picture', 'x'], [named('picture', a)])).toEqual([]);
});

test('a state is broken for good that stays so on zeros', async () => {
  const feeds = [tensor(0, 1), tensor(1, 1)];
  expect(
    await findBrokenState(
      recurrent((h, x) => h / x),
      [tensor(0, 1), tensor(0, 1)],
    ),
  ).toBeUndefined();
  expect(
    await findBrokenState(
      recurrent((h, x) => 0.5 * h + Math.log(x + 1)),
      [tensor(-1, 1), tensor(1, 1)],
    ),
  ).toEqual({ output: 'hn', input: 'h0' });
  // It recovers: the next state does not depend on the one before.
  expect(
    await findBrokenState(
      recurrent((_h, x) => Math.log(x + 1)),
      [tensor(-1, 1), tensor(1, 1)],
    ),
  ).toBeUndefined();
  expect(
    await findBrokenState(
      recurrent((h, x) => h + x),
      feeds,
    ),
  ).toBeUndefined();
});
