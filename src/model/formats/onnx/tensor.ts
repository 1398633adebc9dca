import { errorMessage, UserError } from '../../../core/errors.ts';
import { copyInto, type DType, makeData, sizeOf, type Tensor, writeNumber } from '../../../tensor/tensor.ts';
import { decodeMessage } from '../decode-message.ts';
import { type Long, type OnnxTensor, TensorProto } from './proto.ts';

/** TensorProto.DataType numbers of the ONNX specification. */
export const DATA_TYPE: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

/** TensorProto.DataType STRING. */
export const STRING_TYPE = 8;

/**
 * Decodes a TensorProto file (.pb), the format of inputs in the test data of ONNX models.
 *
 * @throws UserError if it is not one, or its type is not numeric
 */
export function decodeOnnxTensor(bytes: Uint8Array, source: string): Tensor {
  let proto: OnnxTensor;
  try {
    proto = decodeMessage<OnnxTensor>(TensorProto, bytes);
  } catch (error) {
    throw new UserError(`${source} is not an ONNX tensor, or is truncated (${errorMessage(error)})`);
  }
  return tensorOf(proto, source);
}

/** The type of a TensorProto.DataType number; undefined for text, bfloat16 and other types that inputs cannot have. */
export function dtypeOf(dataType: number): DType | undefined {
  return (Object.keys(DATA_TYPE) as DType[]).find((name) => DATA_TYPE[name] === dataType);
}

/**
 * The tensor of a decoded TensorProto with its values inside.
 *
 * @throws UserError if its type is not numeric, or the number of values does not match its shape
 */
export function tensorOf(proto: OnnxTensor, source: string): Tensor {
  const type = dtypeOf(proto.dataType);
  if (type === undefined) {
    throw new UserError(`${source} is not an ONNX tensor of numbers (data type ${proto.dataType})`);
  }
  const shape = proto.dims.map(Number);
  const size = sizeOf(shape);
  const stored = storedValuesOf(proto, type);
  const length =
    stored instanceof Uint8Array ? stored.length / makeData(type, 1).BYTES_PER_ELEMENT : stored.length;
  if (length !== size) {
    throw new UserError(`${source} holds ${length} values where its shape says ${size}: copy it again`);
  }
  const data = makeData(type, size);
  if (stored instanceof Uint8Array) {
    copyInto(new Uint8Array(data.buffer), stored, 0);
  } else if (type === 'float16') {
    // Each number is the 16 bits of a half.
    for (let i = 0; i < size; i++) data[i] = Number(stored[i]);
  } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < size; i++) data[i] = BigInt(String(stored[i]));
  } else for (let i = 0; i < size; i++) writeNumber(type, data, i, Number(stored[i]));
  return { type, shape, data };
}

function storedValuesOf(proto: OnnxTensor, type: DType): Uint8Array | readonly Long[] {
  if (proto.rawData.length > 0) return proto.rawData;
  if (type === 'float32') return proto.floatData;
  if (type === 'float64') return proto.doubleData;
  if (type === 'int64') return proto.int64Data;
  return type === 'uint32' || type === 'uint64' ? proto.uint64Data : proto.int32Data;
}
