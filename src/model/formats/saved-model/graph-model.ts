import { type GraphModel, loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import protobuf from 'protobufjs';
import { bytesOf, type Tensor, type TensorData } from '../../../tensor/tensor.ts';
import { NoGradientError } from '../../gradients/gradient.ts';
import type { TfAttribute, TfNodeDef } from './proto.ts';

/** The lists in attributes that operations have. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message ListValue {
    repeated bytes s = 2; repeated int64 i = 3; repeated float f = 4; repeated bool b = 5; repeated int32 type = 6;
  }
`,
  { keepCase: false },
);
const ListValue = root.lookupType('ListValue');

/** Operations whose results are weights or other constants. */
const CONSTANT_OPS: ReadonlySet<string> = new Set(['Const', 'ReadVariableOp']);

/** Operations that name weights, or do nothing. */
const DROPPED_OPS: ReadonlySet<string> = new Set(['VarHandleOp', 'NoOp']);

/** Enum numbers of TensorFlow's DataType, by the types that its runtime gives here. */
const TF_TYPE_NAME: Readonly<Record<string, string>> = {
  float32: 'DT_FLOAT',
  int32: 'DT_INT32',
  bool: 'DT_BOOL',
};

/**
 * The part of a SavedModel that computes tensors as a graph model of TensorFlow.js, which records what it runs. It has its own copy of the
 * weights.
 *
 * @param nodes those that the tensors depend on
 * @param fetch gives the values of constants by the names of their nodes
 * @throws NoGradientError if an operation reads weights in a way that TensorFlow.js lacks
 */
export async function loadAsGraphModel(
  nodes: readonly TfNodeDef[],
  fetch: (names: readonly string[]) => readonly Tensor[],
): Promise<GraphModel> {
  const handles = new Set(nodes.filter(({ op }) => op === 'VarHandleOp').map(({ name }) => name));
  const reading = nodes.find(
    ({ op, input }) => op !== 'ReadVariableOp' && input.some((edge) => handles.has(edge.replace(/:0$/, ''))),
  );
  if (reading !== undefined) throw new NoGradientError(reading.name, [`${reading.op} (${reading.name})`]);
  const constants = nodes.filter(({ op }) => CONSTANT_OPS.has(op)).map(({ name }) => name);
  const values = fetch(constants);
  const typeOf = new Map(constants.map((name, i) => [name, values[i].type]));
  const weightSpecs = constants.map((name, i) => ({
    name,
    shape: [...values[i].shape],
    dtype: values[i].type as 'float32',
  }));
  const weights = Buffer.concat(values.map(({ data }) => bytesOf(data as TensorData)));
  const node = nodes
    .filter(({ op }) => !DROPPED_OPS.has(op))
    .map(({ name, op, input, attr }) => {
      const type = TF_TYPE_NAME[typeOf.get(name) ?? ''];
      return type === undefined
        ? { name, op, input: input.filter((edge) => !edge.startsWith('^')), attr: attributesOf(attr) }
        : { name, op: 'Const', attr: { dtype: { type } } };
    });
  const artifacts = {
    format: 'graph-model',
    modelTopology: { node, library: {}, versions: { producer: 1395 } },
    weightSpecs,
    weightData: new Uint8Array(weights).buffer,
  };
  return loadGraphModel(tf.io.fromMemory(artifacts));
}

/** Attributes in the JSON form of TensorFlow's protocol buffers. */
function attributesOf(attributes: Readonly<Record<string, TfAttribute>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => [name, attributeOf(attribute)]),
  );
}

function attributeOf(attribute: TfAttribute): object {
  // The decoder gives the fields of other kinds their defaults on the prototype alone.
  const given = attribute as unknown as Readonly<Record<string, unknown>>;
  const has = (field: string): boolean => Object.hasOwn(given, field);
  if (has('s')) return { s: Buffer.from(given.s as Uint8Array).toString('base64') };
  if (has('i')) return { i: String(given.i) };
  if (has('list')) {
    const { s, i, f, b, type } = ListValue.toObject(ListValue.decode(given.list as Uint8Array), {
      longs: String,
      bytes: String,
    });
    return { list: { s, i, f, b, type } };
  }
  if (has('shape')) {
    const { dim = [], unknownRank } = given.shape as {
      dim?: readonly { size: unknown }[];
      unknownRank?: boolean;
    };
    return {
      shape: { dim: dim.map(({ size }) => ({ size: String(size) })), unknownRank: unknownRank === true },
    };
  }
  const kind = ['f', 'b', 'type'].find(has);
  return kind === undefined ? {} : { [kind]: given[kind] };
}
