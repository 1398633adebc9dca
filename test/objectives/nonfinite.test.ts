import { describe, expect, test } from '@jest/globals';
import { parameterValues } from '../../src/extensions/parameters.ts';
import type { BatchResult, BatchTensor } from '../../src/model/batched-model.ts';
import { nonfinite } from '../../src/objectives/nonfinite.ts';
import { slug, type Violation } from '../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../src/objectives/registry.ts';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const tensor = (name: string, size: number, ...data: number[]): BatchTensor => ({
  name,
  type: 'float32',
  size,
  shape: [size],
  data: Float32Array.from(data),
});

function judge(outputs: BatchTensor[], activations: BatchTensor[] = []): Map<number, Violation> {
  const result: BatchResult = {
    rows: outputs[0].data.length / outputs[0].size,
    inputs: [],
    outputs,
    activations,
  };
  const seen = new Map<number, Violation>();
  makeBuiltIn('nonfinite').judge(result, (row, violation) => {
    expect(seen.has(row)).toBe(false);
    seen.set(row, violation);
  });
  return seen;
}

test('finite runs pass, however large', () => {
  expect(judge([tensor('y', 2, 3.4e38, -3.4e38, 0, -0)]).size).toBe(0);
});

test('each row that breaks is reported with where and what', () => {
  const seen = judge([tensor('y', 2, 1, 2, nan, 4, 5, -inf)]);
  expect([...seen.keys()]).toEqual([1, 2]);
  expect(seen.get(1)).toMatchObject({
    signature: 'nonfinite-nan-y',
    summary: 'NaN in output y[0]',
    tensors: ['y'],
    details: { kind: 'nan', index: 0, outputsFinite: false },
  });
  expect(seen.get(2)).toMatchObject({ signature: 'nonfinite-inf-y', summary: 'an infinity in output y[1]' });
});

test('a NaN outranks an infinity in the same tensor, wherever it lies', () => {
  expect(judge([tensor('y', 3, inf, nan, inf)]).get(0)).toMatchObject({
    signature: 'nonfinite-nan-y',
    summary: 'NaN in output y[1] (3 of 3 values are not finite)',
  });
});

test('the fault is placed at the first tensor: watched ones come before outputs', () => {
  const seen = judge([tensor('p', 1, nan), tensor('loss', 1, nan)], [tensor('logits', 2, 1, inf)]);
  expect(seen.get(0)?.signature).toBe('nonfinite-inf-logits');
});

test('an operand is told with as many digits as tell it from its bound', () => {
  const [, violation] = [...judge([tensor('y', 1, nan)])][0];
  const explained = makeBuiltIn('nonfinite').explain?.(violation, {
    operation: 'Acos_27',
    kind: 'Acos',
    tensor: 'y',
    result: 'NaN',
    index: 0,
    operands: [{ tensor: 'x', value: 1 + 2 ** -23, range: [1 + 2 ** -23, 1 + 2 ** -23] }],
    attributes: {},
    path: ['Acos_27'],
  });
  expect(explained?.summary).toBe('Acos Acos_27(1.0000001) gives NaN; it reaches output y');
});

test('integers are never judged, halves and doubles are', () => {
  const half: BatchTensor = {
    name: 'h',
    type: 'float16',
    size: 1,
    shape: [],
    data: Uint16Array.of(0x7bff, 0x7c00, 0x7e00),
  };
  expect([...judge([half]).values()].map((violation) => violation.signature)).toEqual([
    'nonfinite-inf-h',
    'nonfinite-nan-h',
  ]);
  const whole: BatchTensor = { name: 'i', type: 'int64', size: 1, shape: [], data: BigInt64Array.of(1n) };
  const double: BatchTensor = { name: 'd', type: 'float64', size: 1, shape: [], data: Float64Array.of(nan) };
  expect(judge([whole, double]).get(0)?.signature).toBe('nonfinite-nan-d');
});

describe('a name in a signature', () => {
  test.each([
    ['StatefulPartitionedCall/model/dense:0', 'StatefulPartitionedCall_model_dense_0'],
    ['../../etc/passwd', 'etc_passwd'],
    ['', 'tensor'],
    ['\u202e名前', 'tensor'],
    ['x'.repeat(300), 'x'.repeat(40)],
  ])('%j becomes %j', (name, safe) => {
    expect(slug(name)).toBe(safe);
  });
});

describe('−∞ in an inner tensor', () => {
  const run = (...values: number[]): BatchResult => ({
    rows: 1,
    inputs: [],
    outputs: [tensor('y', 1, 0)],
    activations: [tensor('scores', values.length, ...values)],
    isMaskOnly: (name) => name === 'scores',
  });
  const signatures = (settings: Readonly<Record<string, string>>, result: BatchResult): string[] => {
    const found: string[] = [];
    const context = { words: settings, text: '', name: '' };
    nonfinite.make(parameterValues(), context).judge(result, (_row, { signature }) => found.push(signature));
    return found;
  };

  test('is no violation where it is a mask, unlike a NaN and +∞', () => {
    expect(signatures({}, run(1, -inf, -inf))).toEqual([]);
    expect(signatures({}, run(1, -inf, nan))).toEqual(['nonfinite-nan-scores']);
    expect(signatures({}, run(1, -inf, inf))).toEqual(['absorbed-inf-scores']);
    expect(signatures({}, { ...run(1, -inf), isMaskOnly: () => false })).toEqual(['absorbed-inf-scores']);
  });

  test('is one by the strict reading', () =>
    expect(signatures({ inner: 'any' }, run(1, -inf))).toEqual(['absorbed-inf-scores']));
});

describe('whether the outputs are finite', () => {
  const row = (y: number, watched: number, ofSite?: number) => ({
    rows: 1,
    inputs: [],
    outputs: [tensor('y', 1, y)],
    activations: [tensor('layer', 1, watched)],
    ...(ofSite === undefined ? {} : { siteTensors: [tensor('quotient', 2, 1, ofSite)] }),
  });
  const verdict = (run: BatchResult, spec = 'nonfinite'): Violation | undefined => {
    let found: Violation | undefined;
    makeBuiltIn(spec).judge(run, (_row, violation) => {
      found = violation;
    });
    return found;
  };

  test('stands in the message, in the details and, of an infinity, in the signature', () => {
    expect(verdict(row(0, inf))).toMatchObject({
      signature: 'absorbed-inf-layer',
      summary: 'an infinity in layer; all outputs are finite',
      details: { outputsFinite: true },
    });
    expect(verdict(row(nan, inf))).toMatchObject({
      signature: 'nonfinite-inf-layer',
      summary: 'an infinity in layer; an output is not finite',
      details: { outputsFinite: false },
    });
    expect(verdict(row(0, nan))).toMatchObject({
      signature: 'nonfinite-nan-layer',
      summary: 'NaN in layer; all outputs are finite',
    });
  });

  test('of what a site makes it is a violation only where they are', () => {
    expect(verdict(row(0, 0, inf))).toMatchObject({
      signature: 'absorbed-inf-quotient',
      tensors: ['quotient'],
    });
    expect(verdict(row(0, 0, 1))).toBeUndefined();
    // An output that is not finite is confirmed in a session that exposes nothing.
    expect(verdict(row(inf, 0, inf))).toMatchObject({ signature: 'nonfinite-inf-y', tensors: ['y'] });
  });

  test('decides whether infinities count where absorbed ones are left out', () => {
    expect(verdict(row(0, inf, inf), 'nonfinite:absorbed=off')).toBeUndefined();
    expect(verdict(row(inf, inf), 'nonfinite:absorbed=off')?.signature).toBe('nonfinite-inf-layer');
    expect(verdict(row(0, inf, nan), 'nonfinite:absorbed=off')?.signature).toBe('nonfinite-nan-quotient');
  });

  test('is kept where the operation is named, with the operation that absorbs it', () => {
    const { attribute } = makeBuiltIn('nonfinite');
    const node = (name: string, op: string) => ({ name, op, inputs: [], outputs: [] });
    const origin = { node: node('e', 'Exp'), tensor: 'e', kind: 'inf', path: ['e'] } as const;
    const absorption = { absorber: node('d', 'Div'), isMeant: false };
    expect(attribute?.(verdict(row(0, 0, inf)) as Violation, { ...origin, absorption })).toMatchObject({
      signature: 'absorbed-inf-e',
      symptom: 'absorbed-inf-quotient',
      summary: 'Exp e gives an infinity; it reaches quotient[1], but no output: Div d absorbs it',
    });
    expect(attribute?.(verdict(row(inf, 0)) as Violation, origin).signature).toBe('nonfinite-inf-e');
  });

  test('names a division of zero by zero that no output shows after the NaN that it makes', () => {
    const signature = (op: string, run: BatchResult, spec?: string): string | undefined =>
      makeBuiltIn(spec ?? 'nonfinite').attribute?.(verdict(run, spec) as Violation, {
        node: { name: 'q', op, inputs: [], outputs: [] },
        tensor: 'q',
        kind: 'nan',
        path: ['q'],
      }).signature;
    expect(signature('Div', row(0, 0, nan))).toBe('absorbed-nan-q');
    expect(signature('Sqrt', row(0, 0, nan))).toBe('nonfinite-nan-q');
    expect(signature('Div', row(nan, 0))).toBe('nonfinite-nan-q');
    expect(signature('Div', row(0, 0, nan), 'nonfinite:absorbed=off')).toBe('nonfinite-nan-q');
  });
});
