import { describe, expect, test } from '@jest/globals';
import { TensorProto } from '../../../../src/model/formats/onnx/proto.ts';
import { decodeOnnxTensor } from '../../../../src/model/formats/onnx/tensor.ts';

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
      /not an ONNX tensor of numbers/,
    );
  });
});
