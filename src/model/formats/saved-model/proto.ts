import protobuf from 'protobufjs';

/**
 * TensorFlow's SavedModel with field numbers from its .proto files (2.21). Messages that are not read are
 * declared as bytes, so that they are written back unchanged.
 */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  package tensorflow;
  message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraphDef meta_graphs = 2; }
  message MetaGraphDef {
    MetaInfoDef meta_info_def = 1; GraphDef graph_def = 2; SaverDef saver_def = 3; repeated bytes collection_def = 4;
    map<string, SignatureDef> signature_def = 5; repeated AssetFileDef asset_file_def = 6;
    bytes object_graph_def = 7;
  }
  message SaverDef {
    string filename_tensor_name = 1; string save_tensor_name = 2; string restore_op_name = 3; int32 max_to_keep = 4;
    bool sharded = 5; float keep_checkpoint_every_n_hours = 6; int32 version = 7;
  }
  message AssetFileDef { TensorInfo tensor_info = 1; string filename = 2; }
  message MetaInfoDef {
    string meta_graph_version = 1; bytes stripped_op_list = 2; bytes any_info = 3; repeated string tags = 4;
    string tensorflow_version = 5; string tensorflow_git_version = 6; bool stripped_default_attrs = 7;
    repeated bytes function_aliases = 8;
  }
  message GraphDef {
    repeated NodeDef node = 1; FunctionDefLibrary library = 2; int32 version = 3; bytes versions = 4;
    bytes debug_info = 5;
  }
  message FunctionDefLibrary {
    repeated FunctionDef function = 1; repeated bytes gradient = 2; repeated bytes registered_gradients = 3;
  }
  message FunctionDef {
    OpDef signature = 1; repeated NodeDef node_def = 3; map<string, string> ret = 4; repeated bytes attr = 5;
    map<string, string> control_ret = 6; repeated bytes arg_attr = 7; repeated bytes resource_arg_unique_id = 8;
  }
  message OpDef {
    string name = 1; repeated ArgDef input_arg = 2; repeated ArgDef output_arg = 3; repeated bytes attr = 4;
    string summary = 5; string description = 6; bytes deprecation = 8; bool is_aggregate = 16;
    bool is_stateful = 17; bool is_commutative = 18; bool allows_uninitialized_input = 19;
    repeated string control_output = 20; bool is_distributed_communication = 21;
  }
  message ArgDef {
    string name = 1; string description = 2; int32 type = 3; string type_attr = 4; string number_attr = 5;
    string type_list_attr = 6; repeated bytes handle_data = 7; bool is_ref = 16; bytes experimental_full_type = 17;
  }
  message NodeDef {
    string name = 1; string op = 2; repeated string input = 3; string device = 4; map<string, AttrValue> attr = 5;
    bytes experimental_debug_info = 6; bytes experimental_type = 7;
  }
  message AttrValue {
    oneof value {
      bytes list = 1; bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6; TensorShapeProto shape = 7;
      TensorProto tensor = 8; string placeholder = 9; NameAttrList func = 10;
    }
  }
  message NameAttrList { string name = 1; repeated bytes attr = 2; }
  message TensorProto {
    int32 dtype = 1; TensorShapeProto tensor_shape = 2; int32 version_number = 3; bytes tensor_content = 4;
    repeated float float_val = 5; repeated double double_val = 6; repeated int32 int_val = 7;
    repeated bytes string_val = 8; repeated float scomplex_val = 9; repeated int64 int64_val = 10;
    repeated bool bool_val = 11; repeated double dcomplex_val = 12; repeated int32 half_val = 13;
    repeated bytes resource_handle_val = 14; repeated bytes variant_val = 15; repeated uint32 uint32_val = 16;
    repeated uint64 uint64_val = 17; bytes float8_val = 18;
  }
  message SignatureDef {
    map<string, TensorInfo> inputs = 1; map<string, TensorInfo> outputs = 2; string method_name = 3;
    repeated bytes defaults = 4;
  }
  message TensorInfo {
    oneof encoding { string name = 1; bytes coo_sparse = 4; bytes composite_tensor = 5; }
    int32 dtype = 2; TensorShapeProto tensor_shape = 3;
  }
  message TensorShapeProto {
    message Dim { int64 size = 1; string name = 2; }
    repeated Dim dim = 2; bool unknown_rank = 3;
  }
`,
  { keepCase: false },
);

/** What of the entries of collection_def and of lists in attributes is read; they are written back as bytes. */
const { root: parts } = protobuf.parse(
  `
  syntax = "proto3";
  message CollectionEntry { string key = 1; CollectionDef value = 2; }
  message CollectionDef { NodeList node_list = 1; }
  message NodeList { repeated string value = 1; }
  message ListValue { repeated NameAttrList func = 9; }
  message NameAttrList { string name = 1; }
`,
  { keepCase: false },
);

/** Codec of an entry of collection_def. */
export const CollectionEntryProto = parts.lookupType('CollectionEntry');

/** Codec of a list in an attribute. */
export const ListValueProto = parts.lookupType('ListValue');

/** Codec of saved_model.pb. */
export const SavedModelProto = root.lookupType('tensorflow.SavedModel');

type Long = number | { toNumber(): number };

export interface TfShape {
  readonly dim: readonly { readonly size: Long }[];
  readonly unknownRank: boolean;
}

export interface TfAttribute {
  readonly type?: number;
  readonly shape?: TfShape;
  readonly tensor?: { readonly tensorShape: TfShape | null };
  readonly func?: { readonly name: string };
  /** An encoded ListValue. */
  readonly list?: Uint8Array;
}

/** A node of a graph or of a function's body. */
export interface TfNodeDef {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: Readonly<Record<string, TfAttribute>>;
}

export interface TfFunction {
  readonly signature: {
    readonly name: string;
    readonly inputArg: readonly { readonly name: string }[];
    readonly outputArg: readonly { readonly name: string }[];
  };
  readonly nodeDef: readonly TfNodeDef[];
  readonly ret: Readonly<Record<string, string>>;
  readonly controlRet: Readonly<Record<string, string>>;
}

export interface TfTensorInfo {
  readonly name: string;
  readonly dtype: number;
  readonly tensorShape: TfShape | null;
}

export interface TfSignature {
  readonly inputs: Readonly<Record<string, TfTensorInfo>>;
  readonly outputs: Readonly<Record<string, TfTensorInfo>>;
}

export interface TfMetaGraph {
  readonly metaInfoDef: { readonly tags: readonly string[] } | null;
  readonly graphDef: {
    readonly node: readonly TfNodeDef[];
    readonly library: { readonly function: readonly TfFunction[] } | null;
  } | null;
  readonly signatureDef: Readonly<Record<string, TfSignature>>;
  readonly saverDef: { readonly filenameTensorName: string; readonly restoreOpName: string } | null;
  /** Encoded CollectionEntries. */
  readonly collectionDef: readonly Uint8Array[];
  readonly assetFileDef: readonly {
    readonly tensorInfo: TfTensorInfo | null;
    readonly filename: string;
  }[];
}

export interface TfSavedModel {
  readonly metaGraphs: readonly TfMetaGraph[];
}

/** Dimensions of a shape, null for free ones; undefined if even their number is unknown. */
export function tfDims(shape: TfShape | null | undefined): (number | null)[] | undefined {
  if (!shape || shape.unknownRank) return undefined;
  return shape.dim.map(({ size }) => {
    const number = typeof size === 'number' ? size : size.toNumber();
    return number < 0 ? null : number;
  });
}
