import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../../../src/model/formats/onnx/graph.ts';
import { ModelProto } from '../../../../src/model/formats/onnx/proto.ts';
import { countHiddenBodies } from '../../../../src/model/graph/graph.ts';

test("operations of a file's own functions count as bodies that are not looked into, once a call", () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 3]);
  const call = { domain: 'own', opType: 'LogOfAbs', input: ['x'], output: ['y'] };
  graph.node('Neg', ['x'], 'z');
  graph.output('y', 'float32', ['batch', 3]);
  // Protobuf merges a message that follows another.
  const further = ModelProto.fromObject({
    opsetImport: [{ domain: 'own', version: 1 }],
    functions: [
      {
        name: 'LogOfAbs',
        domain: 'own',
        input: ['a'],
        output: ['c'],
        node: [
          { opType: 'Abs', input: ['a'], output: ['b'] },
          { opType: 'Log', input: ['b'], output: ['c'] },
        ],
      },
    ],
    graph: { node: [call, { ...call, output: ['other'] }] },
  });
  const bytes = Buffer.concat([graph.finish('functions'), ModelProto.encode(further).finish()]);
  expect(countHiddenBodies(readOnnx(bytes, 'functions.onnx').graph)).toBe(2);
  expect(countHiddenBodies(readOnnx(graph.finish('plain'), 'plain.onnx').graph)).toBe(0);
});
