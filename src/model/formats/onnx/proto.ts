import protobuf from 'protobufjs';

/**
 * The ONNX intermediate representation: fields and numbers of onnx.proto3 (IR version 12). Complete,
 * since a codec drops fields that it does not know when it writes.
 */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  package onnx;
  message AttributeProto {
    string name = 1; float f = 2; int64 i = 3; bytes s = 4; TensorProto t = 5; GraphProto g = 6;
    repeated float floats = 7; repeated int64 ints = 8; repeated bytes strings = 9;
    repeated TensorProto tensors = 10; repeated GraphProto graphs = 11; string doc_string = 13;
    TypeProto tp = 14; repeated TypeProto type_protos = 15; int32 type = 20; string ref_attr_name = 21;
    SparseTensorProto sparse_tensor = 22; repeated SparseTensorProto sparse_tensors = 23;
  }
  message ValueInfoProto {
    string name = 1; TypeProto type = 2; string doc_string = 3;
    repeated StringStringEntryProto metadata_props = 4;
  }
  message NodeProto {
    repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
    repeated AttributeProto attribute = 5; string doc_string = 6; string domain = 7; string overload = 8;
    repeated StringStringEntryProto metadata_props = 9;
    repeated NodeDeviceConfigurationProto device_configurations = 10;
  }
  message IntIntListEntryProto { int64 key = 1; repeated int64 value = 2; }
  message NodeDeviceConfigurationProto {
    string configuration_id = 1; repeated ShardingSpecProto sharding_spec = 2; int32 pipeline_stage = 3;
  }
  message ShardingSpecProto {
    string tensor_name = 1; repeated int64 device = 2;
    repeated IntIntListEntryProto index_to_device_group_map = 3; repeated ShardedDimProto sharded_dim = 4;
  }
  message ShardedDimProto { int64 axis = 1; repeated SimpleShardedDimProto simple_sharding = 2; }
  message SimpleShardedDimProto {
    oneof dim { int64 dim_value = 1; string dim_param = 2; }
    int64 num_shards = 3;
  }
  message TrainingInfoProto {
    GraphProto initialization = 1; GraphProto algorithm = 2;
    repeated StringStringEntryProto initialization_binding = 3;
    repeated StringStringEntryProto update_binding = 4;
  }
  message StringStringEntryProto { string key = 1; string value = 2; }
  message TensorAnnotation {
    string tensor_name = 1; repeated StringStringEntryProto quant_parameter_tensor_names = 2;
  }
  message ModelProto {
    int64 ir_version = 1; string producer_name = 2; string producer_version = 3; string domain = 4;
    int64 model_version = 5; string doc_string = 6; GraphProto graph = 7;
    repeated OperatorSetIdProto opset_import = 8; repeated StringStringEntryProto metadata_props = 14;
    repeated TrainingInfoProto training_info = 20; repeated FunctionProto functions = 25;
    repeated DeviceConfigurationProto configuration = 26;
  }
  message DeviceConfigurationProto { string name = 1; int32 num_devices = 2; repeated string device = 3; }
  message GraphProto {
    repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
    string doc_string = 10; repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
    repeated ValueInfoProto value_info = 13; repeated TensorAnnotation quantization_annotation = 14;
    repeated SparseTensorProto sparse_initializer = 15; repeated StringStringEntryProto metadata_props = 16;
  }
  message TensorProto {
    message Segment { int64 begin = 1; int64 end = 2; }
    repeated int64 dims = 1; int32 data_type = 2; Segment segment = 3; repeated float float_data = 4;
    repeated int32 int32_data = 5; repeated bytes string_data = 6; repeated int64 int64_data = 7;
    string name = 8; bytes raw_data = 9; repeated double double_data = 10; repeated uint64 uint64_data = 11;
    string doc_string = 12; repeated StringStringEntryProto external_data = 13; int32 data_location = 14;
    repeated StringStringEntryProto metadata_props = 16;
  }
  message SparseTensorProto { TensorProto values = 1; TensorProto indices = 2; repeated int64 dims = 3; }
  message TensorShapeProto {
    message Dimension {
      oneof value { int64 dim_value = 1; string dim_param = 2; }
      string denotation = 3;
    }
    repeated Dimension dim = 1;
  }
  message TypeProto {
    message Tensor { int32 elem_type = 1; TensorShapeProto shape = 2; }
    message Sequence { TypeProto elem_type = 1; }
    message Map { int32 key_type = 1; TypeProto value_type = 2; }
    message Optional { TypeProto elem_type = 1; }
    message SparseTensor { int32 elem_type = 1; TensorShapeProto shape = 2; }
    message Opaque { string domain = 1; string name = 2; }
    oneof value {
      Tensor tensor_type = 1; Sequence sequence_type = 4; Map map_type = 5; Opaque opaque_type = 7;
      SparseTensor sparse_tensor_type = 8; Optional optional_type = 9;
    }
    string denotation = 6;
  }
  message OperatorSetIdProto { string domain = 1; int64 version = 2; }
  message FunctionProto {
    string name = 1; repeated string input = 4; repeated string output = 5; repeated string attribute = 6;
    repeated NodeProto node = 7; string doc_string = 8; repeated OperatorSetIdProto opset_import = 9;
    string domain = 10; repeated AttributeProto attribute_proto = 11; repeated ValueInfoProto value_info = 12;
    string overload = 13; repeated StringStringEntryProto metadata_props = 14;
  }
`,
  { keepCase: false },
);

/** Codec of a whole ONNX file. */
export const ModelProto = root.lookupType('onnx.ModelProto');

/** Codec of one tensor, the format of the test data of ONNX operators. */
export const TensorProto = root.lookupType('onnx.TensorProto');

/** AttributeProto.AttributeType numbers. */
export const ATTRIBUTE_TYPE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;

/** A 64-bit integer as protobufjs decodes it. */
export type Long = number | { toNumber(): number };

export function longToNumber(value: Long): number {
  return typeof value === 'number' ? value : value.toNumber();
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly Long[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
  readonly floatData: readonly number[];
  readonly int32Data: readonly number[];
  readonly int64Data: readonly Long[];
  readonly doubleData: readonly number[];
  readonly uint64Data: readonly Long[];
  readonly stringData: readonly Uint8Array[];
  readonly externalData: readonly KeyValue[];
  readonly dataLocation: number;
}

export interface OnnxAttribute {
  readonly name: string;
  /** AttributeProto.AttributeType; 0 in files of the first versions. */
  readonly type: number;
  readonly f: number;
  readonly i: Long;
  readonly s: Uint8Array;
  readonly floats: readonly number[];
  readonly ints: readonly Long[];
  readonly strings: readonly Uint8Array[];
  readonly t: OnnxTensor | null;
  readonly g: OnnxGraph | null;
  readonly tensors: readonly OnnxTensor[];
  readonly graphs: readonly OnnxGraph[];
}

export interface OnnxNode {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly attribute: readonly OnnxAttribute[];
}

export interface OnnxDimension {
  readonly dimValue?: Long;
  readonly dimParam?: string;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: {
    readonly tensorType?: {
      readonly elemType: number;
      readonly shape: { readonly dim: readonly OnnxDimension[] } | null;
    } | null;
    readonly sequenceType?: object | null;
    readonly mapType?: object | null;
    readonly optionalType?: object | null;
  } | null;
}

/** The fields of a decoded GraphProto that the reader uses. */
export interface OnnxGraph {
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly sparseInitializer: readonly { readonly values: OnnxTensor | null }[];
  readonly input: readonly OnnxValue[];
  readonly output: readonly OnnxValue[];
  readonly valueInfo: readonly OnnxValue[];
}

/** The fields of a decoded ModelProto that the reader uses. */
export interface OnnxModel {
  readonly irVersion: Long;
  readonly graph: OnnxGraph | null;
  readonly opsetImport: readonly { readonly domain: string; readonly version: Long }[];
  readonly metadataProps: readonly KeyValue[];
  readonly functions: readonly {
    readonly name: string;
    readonly domain: string;
    readonly node: readonly OnnxNode[];
  }[];
}
