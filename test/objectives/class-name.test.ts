import { expect, test } from '@jest/globals';
import type { BatchResult, BatchTensor } from '../../src/model/batched-model.ts';
import { className } from '../../src/objectives/class-name.ts';
import type { Violation } from '../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../src/objectives/registry.ts';

const classes = ['no', 'yes', 'may\u202Ebe'];

function scores(...data: number[]): BatchTensor {
  return { name: 'shares', type: 'float32', size: 3, shape: [3], data: Float32Array.from(data), classes };
}

function label(index: number): BatchTensor {
  return { name: 'label', type: 'int32', size: 1, shape: [], data: Int32Array.of(index), classes };
}

function violationOf(
  spec: string,
  result: Partial<BatchResult> & { labels?: Int32Array },
): Violation | undefined {
  let found: Violation | undefined;
  const batch = { rows: 1, inputs: [], outputs: [], activations: [], ...result } as never;
  makeBuiltIn(spec).judge(batch, (_, violation) => {
    found = violation;
  });
  return found;
}

test('a class is its name, safe to print; without names, its index', () => {
  expect(className({ classes }, 1)).toBe('yes');
  expect(className({ classes }, 2)).toBe('may\\u{202E}be');
  expect(className({ classes }, -1)).toBe('an unknown class');
  expect(className({}, 4)).toBe('4');
});

test('two models that part say the names of both classes', () => {
  const pair = { outputs: [scores(0.7, 0.3, 0)], secondOutputs: [scores(0.4, 0.6, 0)] };
  expect(violationOf('differential', pair)).toMatchObject({
    summary:
      'Models disagree on shares: first model no (0.7 vs 0.3 for class yes), second model yes (0.6 vs 0.4 for class no)',
    details: { reference: 0, copy: 1, names: { reference: 'no', copy: 'yes' } },
  });
  const labels = { outputs: [label(0)], secondOutputs: [label(-1)] };
  expect(violationOf('differential', labels)?.summary).toBe(
    'label is no in the first model and an unknown class in the second model',
  );
});

test('a mistake and a value that is not finite name the class', () => {
  const mistake = { outputs: [scores(0.2, 0.8, 0)], labels: Int32Array.of(0) };
  expect(violationOf('misclassified', mistake)).toMatchObject({
    summary: expect.stringMatching(
      /^Class yes predicted for a seed of class no \(shares: 0\.8 vs 0\.2 for class no/,
    ),
    details: { label: 0, class: 1, names: { label: 'no', class: 'yes' } },
  });
  expect(violationOf('nonfinite', { outputs: [scores(0, Number.NaN, 0)] })?.summary).toBe(
    'NaN in output shares[yes]',
  );
});
