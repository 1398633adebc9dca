import protobuf from 'protobufjs';

/**
 * The part of the ONNX intermediate representation that we read and write: field numbers from onnx.proto3
 * (IR version 10). Fields left out are skipped on reading.
 */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  package onnx;
  message AttributeProto {
    string name = 1; float f = 2; int64 i = 3; bytes s = 4; TensorProto t = 5; GraphProto g = 6;
    repeated float floats = 7; repeated int64 ints = 8; repeated bytes strings = 9;
    repeated TensorProto tensors = 10; repeated GraphProto graphs = 11; int32 type = 20;
  }
  message ValueInfoProto { string name = 1; TypeProto type = 2; }
  message NodeProto {
    repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
    repeated AttributeProto attribute = 5; string domain = 7;
  }
  message StringStringEntryProto { string key = 1; string value = 2; }
  message ModelProto {
    int64 ir_version = 1; string producer_name = 2; string producer_version = 3; GraphProto graph = 7;
    repeated OperatorSetIdProto opset_import = 8; repeated StringStringEntryProto metadata_props = 14;
  }
  message GraphProto {
    repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  }
  message TensorProto {
    repeated int64 dims = 1; int32 data_type = 2; repeated float float_data = 4; string name = 8;
    bytes raw_data = 9; repeated StringStringEntryProto external_data = 13; int32 data_location = 14;
  }
  message TensorShapeProto {
    message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
    repeated Dimension dim = 1;
  }
  message TypeProto {
    message Tensor { int32 elem_type = 1; TensorShapeProto shape = 2; }
    oneof value { Tensor tensor_type = 1; }
  }
  message OperatorSetIdProto { string domain = 1; int64 version = 2; }
`,
  { keepCase: false },
);

/** Codec of a whole ONNX file. */
export const ModelProto = root.lookupType('onnx.ModelProto');

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly (number | { toNumber(): number })[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
  readonly externalData: readonly { readonly key: string; readonly value: string }[];
  readonly dataLocation: number;
}

export interface OnnxNode {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly opType: string;
}

/** The fields of a decoded ModelProto that the reader uses. */
export interface OnnxModel {
  readonly graph: {
    readonly node: readonly OnnxNode[];
    readonly initializer: readonly OnnxTensor[];
    readonly input: readonly { readonly name: string }[];
    readonly output: readonly { readonly name: string }[];
  } | null;
  readonly opsetImport: readonly { readonly domain: string; readonly version: unknown }[];
}
