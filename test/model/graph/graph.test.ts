import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { inferInput } from '../../../src/inputs/infer-input.ts';
import { TensorProto } from '../../../src/model/formats/onnx/proto.ts';
import { decodeOnnxTensor } from '../../../src/model/formats/onnx/tensor.ts';
import { readSavedModel } from '../../../src/model/formats/saved-model/graph.ts';
import { findLogits } from '../../../src/model/graph/find-logits.ts';
import { countParameters, type Graph } from '../../../src/model/graph/graph.ts';
import { inlineCalls } from '../../../src/model/graph/inline.ts';

describe('a SavedModel', () => {
  const bytes = readFileSync('test/fixtures/saved-model/saved_model.pb');

  test('is read through the functions that its signature calls', () => {
    const { inputs, outputs, graph, inlinedBytes, inlinedOutputs } = readSavedModel(bytes, 'saved-model', {});
    expect(inputs).toEqual([
      { name: 'measures', tensor: 'serving_default_measures:0', dtype: 1, shape: [null, 6] },
    ]);
    expect(outputs.map(({ name, shape }) => ({ name, shape }))).toEqual([
      { name: 'probabilities', shape: [null, 2] },
    ]);
    expect(graph.nodes.map(({ op }) => op)).toEqual([
      ...['MatMul', 'AddV2', 'Relu', 'MatMul', 'AddV2', 'Identity', 'Softmax', 'Identity', 'Identity'],
    ]);
    expect(findLogits(graph)?.tensor).toMatch(/\/logits$/);
    expect(countParameters(graph)).toBe(6 * 8 + 8 + 8 * 2 + 2);
    expect(inlinedOutputs).toEqual([graph.outputs[0]]);
    const again = readSavedModel(inlinedBytes as Uint8Array, 'inlined', {});
    expect(again.graph.nodes).toEqual(graph.nodes);
  });

  test('stays as it is where a function calls itself', () => {
    const call = { name: 'call', op: 'PartitionedCall', input: ['x'], attr: { f: { func: { name: 'f' } } } };
    const library = [
      {
        signature: { name: 'f', inputArg: [{ name: 'a' }], outputArg: [{ name: 'b' }] },
        nodeDef: [
          { ...call, name: 'one', input: ['a'] },
          { ...call, name: 'two', input: ['one:output:0'] },
        ],
        ret: { b: 'two:output:0' },
        controlRet: {},
      },
    ];
    const graph = [{ name: 'x', op: 'Placeholder', input: [], attr: {} }, call];
    expect(inlineCalls(graph, library, ['call:0'])).toBeUndefined();
  });
});

describe('a tensor of ONNX test data', () => {
  const encode = (proto: object) => TensorProto.encode(TensorProto.fromObject(proto)).finish();

  test('holds raw bytes or numbers of its type', () => {
    const raw = encode({ dims: [2], dataType: 1, rawData: new Uint8Array(Float32Array.of(1.5, -2).buffer) });
    expect(decodeOnnxTensor(raw, 'x')).toEqual({
      type: 'float32',
      shape: [2],
      data: Float32Array.of(1.5, -2),
    });
    expect(decodeOnnxTensor(encode({ dims: [1, 2], dataType: 7, int64Data: [3, -4] }), 'x')).toEqual({
      type: 'int64',
      shape: [1, 2],
      data: BigInt64Array.of(3n, -4n),
    });
    expect(decodeOnnxTensor(encode({ dims: [2], dataType: 9, int32Data: [0, 1] }), 'x').data).toEqual(
      Uint8Array.of(0, 1),
    );
    expect(decodeOnnxTensor(encode({ dims: [1], dataType: 10, int32Data: [0x3c00] }), 'x').data).toEqual(
      Uint16Array.of(0x3c00),
    );
  });

  test('that is cut or holds no numbers is refused', () => {
    expect(() => decodeOnnxTensor(encode({ dims: [3], dataType: 1, floatData: [1] }), 'x.pb')).toThrow(
      /x\.pb holds 1 values where its shape says 3/,
    );
    expect(() => decodeOnnxTensor(encode({ dims: [1], dataType: 8 }), 'x.pb')).toThrow(
      /no ONNX tensor of numbers/,
    );
  });
});

test('the range of numbers that an embedding layer takes is its vocabulary', () => {
  const graph: Graph = {
    nodes: [{ name: 'words', op: 'Embedding', inputs: ['text'], outputs: ['words'] }],
    inputs: ['text'],
    outputs: ['words'],
    constants: new Map([['words/embeddings', [120, 8]]]),
    values: new Map(),
    types: new Map(),
    shapes: new Map(),
  };
  expect(inferInput({ name: 'text', type: 'int32', shape: [10] }, graph).range).toEqual([0, 119]);
});

test("the range of numbers that look up a table is the table's, the smallest of several", () => {
  const node = (op: string, inputs: string[], name: string) => ({ name, op, inputs, outputs: [name] });
  const graph: Graph = {
    nodes: [
      node('Cast', ['ids'], 'cast'),
      node('Gather', ['words', 'cast'], 'embedded'),
      node('Gather', ['places', 'ids'], 'placed'),
      node('Gather', ['other', 'elsewhere'], 'unrelated'),
    ],
    inputs: ['ids', 'elsewhere'],
    outputs: ['embedded'],
    constants: new Map([
      ['words', [500, 8]],
      ['places', [64, 8]],
      ['other', [3, 8]],
    ]),
    values: new Map(),
    types: new Map(),
    shapes: new Map(),
  };
  expect(inferInput({ name: 'ids', type: 'int64', shape: [null] }, graph)).toMatchObject({
    kind: 'tokens',
    range: [0, 63],
  });
});
