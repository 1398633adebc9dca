import { describe, expect, test } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import { decodeMessage } from '../../../src/model/formats/decode-message.ts';
import { type NodeAttributes, OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../../src/model/formats/onnx/graph.ts';
import { ModelProto, type OnnxGraph } from '../../../src/model/formats/onnx/proto.ts';
import { OPERATOR_UPGRADES } from '../../../src/model/quantize/operator-upgrades.ts';
import { upgradeOnnx } from '../../../src/model/quantize/upgrade-opset.ts';

/** An operation on `x`, as a version before 13 has it. */
interface Case {
  readonly op: string;
  readonly opset: number;
  readonly attributes?: NodeAttributes;
  /** Constants behind the first input. */
  readonly constants?: readonly (readonly [dims: readonly number[], values: Float32Array | BigInt64Array])[];
  readonly outputs?: number;
  readonly dims?: readonly number[];
}

const DIMS = [2, 3, 4];
const floats = (...values: number[]) => Float32Array.from(values);
const longs = (...values: number[]) => BigInt64Array.from(values, BigInt);

const CASES: readonly Case[] = [
  {
    op: 'BatchNormalization',
    opset: 7,
    attributes: { spatial: 1 },
    constants: [1, 2, 3, 4].map((n) => [[3], floats(n, 2 * n, 3)]),
  },
  { op: 'Clip', opset: 7, attributes: { min: { float: -0.5 }, max: { float: 0.25 } } },
  { op: 'Clip', opset: 10, attributes: { max: { float: 0.25 } } },
  { op: 'Clip', opset: 8 },
  { op: 'Dropout', opset: 7, attributes: { ratio: { float: 0.3 } } },
  { op: 'Dropout', opset: 10 },
  { op: 'Hardmax', opset: 8, attributes: { axis: 1 } },
  { op: 'LogSoftmax', opset: 11, attributes: { axis: -2 } },
  { op: 'Pad', opset: 7, attributes: { pads: [0, 1, 0, 1, 0, 2], value: { float: 0.5 } } },
  { op: 'Pad', opset: 10, attributes: { pads: [0, 1, 0, 0, 1, 0], mode: { string: 'reflect' } } },
  { op: 'ReduceSum', opset: 8, attributes: { axes: [1], keepdims: 0 } },
  { op: 'ReduceSum', opset: 12 },
  { op: 'Resize', opset: 10, constants: [[[4], floats(1, 1, 2, 1.5)]], dims: [1, 2, 3, 4] },
  {
    op: 'Resize',
    opset: 10,
    attributes: { mode: { string: 'linear' } },
    constants: [[[4], floats(1, 1, 2, 3)]],
    dims: [1, 2, 3, 4],
  },
  {
    op: 'Scatter',
    opset: 9,
    attributes: { axis: 1 },
    constants: [
      [[2, 1, 4], longs(0, 1, 2, 0, 1, 2, 0, 1)],
      [[2, 1, 4], floats(1, 2, 3, 4, 5, 6, 7, 8)],
    ],
  },
  { op: 'Slice', opset: 7, attributes: { starts: [0, 1], ends: [2, -1], axes: [1, 2] } },
  { op: 'Slice', opset: 9, attributes: { starts: [1, 0, 2], ends: [2, 3, 1000] } },
  { op: 'Softmax', opset: 7 },
  { op: 'Softmax', opset: 11, attributes: { axis: 2 } },
  { op: 'Softmax', opset: 12, attributes: { axis: -1 } },
  { op: 'Softmax', opset: 12, attributes: { axis: 0 } },
  { op: 'Split', opset: 7, attributes: { axis: 2, split: [1, 3] }, outputs: 2 },
  { op: 'Split', opset: 11, attributes: { axis: -1 }, outputs: 2 },
  { op: 'Squeeze', opset: 7, attributes: { axes: [0, 2] }, dims: [1, 3, 1, 4] },
  { op: 'Squeeze', opset: 12, dims: [1, 3, 1, 4] },
  { op: 'TopK', opset: 7, attributes: { axis: 1, k: 2 }, outputs: 2 },
  { op: 'Unsqueeze', opset: 11, attributes: { axes: [0, -1] } },
  { op: 'Upsample', opset: 7, attributes: { scales: { floats: [1, 1, 2, 3] } }, dims: [1, 2, 3, 4] },
  {
    op: 'Upsample',
    opset: 9,
    attributes: { mode: { string: 'linear' } },
    constants: [[[4], floats(1, 1, 2, 2)]],
    dims: [1, 2, 3, 4],
  },
];

/** @param declares whether the input's shape is in the file, or an operation hides it */
function modelOf(
  { op, opset, attributes = {}, constants = [], outputs = 1, dims = DIMS }: Case,
  declares: boolean,
): Uint8Array {
  const builder = new OnnxBuilder();
  builder.input('x', 'float32', declares ? dims : dims.map((_, i) => `d${i}`));
  if (!declares) builder.node('Neg', ['x'], 'y');
  const inputs = constants.map(([shape, data], i) =>
    builder.constant(`c${i}`, data instanceof Float32Array ? 'float32' : 'int64', shape, data),
  );
  const names = Array.from({ length: outputs }, (_, i) => `out${i}`);
  builder.node(op, [declares ? 'x' : 'y', ...inputs], names, attributes);
  names.forEach((name, i) => {
    builder.output(name, op === 'TopK' && i === 1 ? 'int64' : 'float32', []);
  });
  return builder.finish('old', opset);
}

/** Outputs of a file on numbers that are drawn once. */
async function outputsOf(bytes: Uint8Array, dims: readonly number[]) {
  const size = dims.reduce((product, side) => product * side, 1);
  const values = Float32Array.from({ length: size }, (_, i) => Math.sin(3 * i + 1));
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 });
  const results = await session.run({ x: new ort.Tensor('float32', values, [...dims]) });
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims: shape, data }]) => [
      name,
      { shape, data: [...(data as Float32Array)] },
    ]),
  );
}

describe.each([true, false])('with a shape that is declared: %s', (declares) => {
  test.each(CASES)(
    '$op of version $opset with $attributes computes the same in version 13',
    async (given) => {
      const { dims = DIMS } = given;
      const old = modelOf(given, declares);
      const upgraded = upgradeOnnx(old, readOnnx(old, 'old.onnx'), 'old.onnx');
      expect(readOnnx(upgraded, 'new.onnx').opset).toBe(13);
      expect(await outputsOf(upgraded, dims)).toEqual(await outputsOf(old, dims));
    },
  );
});

test('every operation that is rewritten has a case', () => {
  const rewritten = Object.entries(OPERATOR_UPGRADES).filter(([op, { upgrade }]) => {
    const nothing = {
      addConstant: () => '',
      freshName: () => '',
      typeOf: () => undefined,
      rankOf: () => undefined,
    };
    const node = { opType: op, name: '', domain: '', input: ['x'], output: ['y'], attribute: [] };
    return typeof upgrade(node, nothing) !== 'string';
  });
  const covered = new Set(CASES.map(({ op }) => op));
  expect(rewritten.map(([op]) => op).filter((op) => !covered.has(op))).toEqual([]);
});

test('operations in the body of an If are upgraded too', async () => {
  const body = (op: string): OnnxBuilder => {
    const builder = new OnnxBuilder();
    builder.node(op, ['x'], `${op}_result`, { axis: 1 });
    builder.output(`${op}_result`, 'float32', []);
    return builder;
  };
  const builder = new OnnxBuilder();
  builder.input('x', 'float32', DIMS);
  builder.constant('condition', 'bool', [], Uint8Array.of(1));
  builder.node('If', ['condition'], 'y', { then_branch: body('Softmax'), else_branch: body('LogSoftmax') });
  builder.output('y', 'float32', []);
  const old = builder.finish('old', 11);
  const upgraded = upgradeOnnx(old, readOnnx(old, 'old.onnx'), 'old.onnx');
  expect(await outputsOf(upgraded, DIMS)).toEqual(await outputsOf(old, DIMS));
});

test('constants that a file of the first versions lists among its inputs are inputs no more', async () => {
  const builder = new OnnxBuilder();
  builder.input('x', 'float32', [2, 4]);
  builder.input('w', 'float32', [4, 3]);
  builder.constant(
    'w',
    'float32',
    [4, 3],
    Float32Array.from({ length: 12 }, (_, i) => i / 7),
  );
  builder.node('MatMul', ['x', 'w'], 'y');
  builder.output('y', 'float32', [2, 3]);
  const model = decodeMessage<{ irVersion: number }>(ModelProto, builder.finish('old', 8));
  model.irVersion = 3;
  const old = ModelProto.encode(model as never).finish();
  const upgraded = upgradeOnnx(old, readOnnx(old, 'old.onnx'), 'old.onnx');
  const { irVersion, graph } = decodeMessage<{ irVersion: number; graph: OnnxGraph }>(ModelProto, upgraded);
  expect(Number(irVersion)).toBe(7);
  expect(graph.input.map(({ name }) => name)).toEqual(['x']);
  expect(await outputsOf(upgraded, [2, 4])).toEqual(await outputsOf(old, [2, 4]));
});

test.each([
  [
    { op: 'BatchNormalization', opset: 8, attributes: { spatial: 0 } },
    /BatchNormalization out0 has spatial=0/,
  ],
  [{ op: 'Crop', opset: 8 }, /Crop out0 was an experiment/],
  [{ op: 'Relu', opset: 6 }, /versions before 7 broadcast in another way/],
])('%j is refused with the line that converts it', (given, reason) => {
  const old = modelOf(given as Case, true);
  const upgrade = () => upgradeOnnx(old, readOnnx(old, 'old.onnx'), 'old.onnx');
  expect(upgrade).toThrow(reason);
  expect(upgrade).toThrow(
    /python -c "import onnx, .*convert_version\(onnx\.load\('old\.onnx'\), 13\), 'old-13\.onnx'\)"/,
  );
});
