import protobuf from 'protobufjs';
import { ModelProto, TensorProto } from '../proto.ts';
import { mayHoldTensors } from './visit-tensors.ts';

/** What of an ONNX file is not data of its own. */
export interface FileScan {
  /** Encoded tensors that name another file, or parts of such tensors. */
  readonly external: readonly Uint8Array[];
  /** Whether there are fields where tensors may stand that the schema lacks, and a runtime may know. */
  readonly hasUnknownFields: boolean;
}

/** Numbers of the fields of a TensorProto that lead to another file. */
const EXTERNAL_DATA_FIELD = TensorProto.fields.externalData.id;
const DATA_LOCATION_FIELD = TensorProto.fields.dataLocation.id;

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** Limit on nested messages; that of the decoder is lower. */
const MAX_DEPTH = 1000;

/**
 * Reads the encoded fields of an ONNX file for tensors that name another file. Nothing is decoded, so that what the decoder and
 * the runtime may understand otherwise (repeated fields of one message, a wrong wire type) is seen as it stands.
 *
 * @throws Error if the bytes are no protobuf message
 */
export function scanOnnx(bytes: Uint8Array): FileScan {
  const reader = protobuf.Reader.create(bytes);
  const external: Uint8Array[] = [];
  let hasUnknownFields = false;
  scanMessage(ModelProto, bytes.length, 0);
  return { external, hasUnknownFields };

  function scanMessage(type: protobuf.Type, end: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new Error('messages are nested too deep');
    const start = reader.pos;
    let isExternal = false;
    while (reader.pos < end) {
      const tag = reader.tag();
      const number = tag >>> 3;
      const wireType = tag & 7;
      const field = type.fieldsById[number];
      if (field === undefined) hasUnknownFields = true;
      if (type === TensorProto && number === EXTERNAL_DATA_FIELD) isExternal = true;
      if (wireType === VARINT && type === TensorProto && number === DATA_LOCATION_FIELD) {
        if (reader.int32() !== 0) isExternal = true;
      } else if (wireType === LENGTH_DELIMITED) {
        const length = reader.uint32();
        const innerEnd = reader.pos + length;
        if (innerEnd > end) throw new Error('a field is longer than its message');
        const inner = field?.resolve().resolvedType ?? null;
        if (mayHoldTensors(inner)) scanMessage(inner, innerEnd, depth + 1);
        reader.pos = innerEnd;
      } else {
        if (field !== undefined && mayHoldTensors(field.resolve().resolvedType)) hasUnknownFields = true;
        reader.skipType(wireType, depth, number);
      }
    }
    if (reader.pos !== end) throw new Error('a field is longer than its message');
    if (isExternal) external.push(bytes.subarray(start, end));
  }
}
