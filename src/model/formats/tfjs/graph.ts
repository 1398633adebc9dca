import type { DType } from '../../../tensor/tensor.ts';
import { type AttributeValue, type Graph, type GraphNode, sortTopologically } from '../../graph/graph.ts';

interface TfNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, TfAttribute>>;
}

/** A NodeDef attribute in the JSON form of TensorFlow's protocol buffers, in which 64-bit numbers are text. */
interface TfAttribute {
  readonly type?: string | number;
  readonly i?: string | number;
  readonly f?: number | string;
  readonly b?: boolean;
  /** Text, in base64. */
  readonly s?: string;
  readonly list?: { readonly i?: readonly (string | number)[]; readonly f?: readonly number[] };
}

/** The topology of a TensorFlow.js graph model: a TensorFlow GraphDef as JSON. */
export interface GraphTopology {
  readonly node: readonly TfNode[];
}

/** The tensor of an edge: `^name` is a control edge, and `name:0` the first output, which has the node's name. */
function tensorNameOf(edge: string): string {
  return edge.replace(/^\^/, '').replace(/:0$/, '');
}

/** TensorFlow's DataType names and numbers of the types that TensorFlow.js has. */
const DTYPE_BY_TF_TYPE: Readonly<Record<string, DType>> = {
  DT_FLOAT: 'float32',
  DT_INT32: 'int32',
  DT_INT64: 'int32',
  DT_BOOL: 'bool',
  1: 'float32',
  3: 'int32',
  9: 'int32',
  10: 'bool',
};

/** TensorFlow's DataType name and number of strings. */
const STRING_TYPES: readonly string[] = ['DT_STRING', '7'];

/** Attributes that give the type of an operation's result; the first that is set counts. */
const RESULT_TYPE_ATTRIBUTES = ['DstT', 'output_type', 'out_type', 'element_dtype', 'dtype', 'Tparams', 'T'];

/** Comparisons, whose `T` is the type of their operands. */
const COMPARISON_OPS =
  /^(Equal|NotEqual|Less|LessEqual|Greater|GreaterEqual|Logical.*|IsNan|IsInf|IsFinite)$/;

/** TensorFlow's type of an operation's result; undefined where its attributes do not tell. */
function tfTypeOf({ attr = {} }: TfNode): string | undefined {
  const name = RESULT_TYPE_ATTRIBUTES.find((key) => attr[key]?.type !== undefined);
  return name === undefined ? undefined : String(attr[name].type);
}

function typeOfNode(node: TfNode): DType | undefined {
  if (COMPARISON_OPS.test(node.op)) return 'bool';
  const type = tfTypeOf(node);
  return type === undefined ? undefined : DTYPE_BY_TF_TYPE[type];
}

/** Names of the tensors that hold strings, as far as the nodes tell. */
export function stringTensors({ node: nodes }: GraphTopology): ReadonlySet<string> {
  const texts = nodes.filter(
    (node) => !COMPARISON_OPS.test(node.op) && STRING_TYPES.includes(tfTypeOf(node) ?? ''),
  );
  return new Set(texts.map(({ name }) => name));
}

function attributesOf({ attr = {} }: TfNode): Record<string, AttributeValue> {
  const read = Object.entries(attr).flatMap(
    ([name, { i, f, b, s, type, list }]): [string, AttributeValue][] => {
      if (type !== undefined) return [[name, String(type)]];
      if (i !== undefined) return [[name, Number(i)]];
      if (f !== undefined) return [[name, Number(f)]];
      if (b !== undefined) return [[name, b ? 1 : 0]];
      if (s !== undefined) return [[name, Buffer.from(s, 'base64').toString()]];
      const numbers = list?.i ?? list?.f;
      return numbers === undefined ? [] : [[name, numbers.map(Number)]];
    },
  );
  return Object.fromEntries(read);
}

/**
 * Reads a graph model's topology; tensors have the names of their nodes.
 *
 * @param constants shapes of the weights by name
 * @param values of small weights by name
 */
export function readTfjsGraph(
  topology: GraphTopology,
  inputs: readonly string[],
  outputs: readonly string[],
  constants: ReadonlyMap<string, readonly number[]>,
  values: ReadonlyMap<string, readonly number[]>,
): Graph {
  const types = topology.node.flatMap((node): [string, DType][] => {
    const type = typeOfNode(node);
    return type === undefined ? [] : [[node.name, type]];
  });
  const nodes = topology.node
    .filter((node) => node.op !== 'Const' && node.op !== 'Placeholder' && node.op !== 'NoOp')
    .map(
      (node): GraphNode => ({
        name: node.name,
        op: node.op,
        inputs: (node.input ?? []).map(tensorNameOf),
        outputs: [node.name],
        attributes: attributesOf(node),
      }),
    );
  return {
    nodes: sortTopologically(nodes),
    inputs: inputs.map(tensorNameOf),
    outputs: outputs.map(tensorNameOf),
    constants,
    values,
    shapes: new Map(),
    types: new Map(types),
  };
}
