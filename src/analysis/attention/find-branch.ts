import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import { LAYOUT_OPS } from '../../model/graph/layout-ops.ts';
import { isWeighted } from '../../model/graph/output-layers.ts';
import { sizeOf } from '../../tensor/tensor.ts';

/** Where the result of a block is added to the tensor that skips it. */
export interface ResidualBranch {
  /** The tensor that skips the block, and the sum. */
  readonly skip: string;
  readonly output: string;
  /** The constant that scales the branch, the last one of a single value on the way; undefined for none. */
  readonly gamma: { readonly name: string; readonly value: number } | undefined;
}

/** What the search asks of the graph. */
interface BranchContext {
  readersOf(tensor: string): readonly GraphNode[];
  /** Whether the inputs change it. */
  isComputed(tensor: string): boolean;
}

/** Operations on the branch beside layers with weights, each with constants alone. */
const BRANCH_OPS: ReadonlySet<string> = new Set([
  ...LAYOUT_OPS,
  ...['Transpose', 'Cast', 'Mul', 'Div', 'RealDiv', 'BiasAdd', 'Add', 'AddV2', 'Einsum', 'Slice', 'Concat'],
]);

const ADDING_OPS: ReadonlySet<string> = new Set(['Add', 'AddV2', 'Sum']);

const MAX_HOPS = 24;

/** Follows the result of a block to the sum with the tensor that skips it. */
export function findBranch(
  graph: Graph,
  result: string,
  { readersOf, isComputed }: BranchContext,
): ResidualBranch | undefined {
  let tensor = result;
  let gamma: ResidualBranch['gamma'];
  for (let hops = 0; hops < MAX_HOPS; hops++) {
    const readers = readersOf(tensor).filter(({ op }) => !SHAPE_READERS.has(op));
    const sum = readers.find(
      ({ op, inputs }) => ADDING_OPS.has(op) && inputs.filter(isComputed).length === 2,
    );
    if (sum !== undefined) {
      const skip = sum.inputs.find((name) => name !== tensor);
      return skip === undefined ? undefined : { skip, output: sum.outputs[0], gamma };
    }
    const [reader] = readers;
    if (readers.length !== 1 || !continues(reader, isComputed)) return undefined;
    gamma = gammaOf(reader, graph, isComputed) ?? gamma;
    [tensor] = reader.outputs;
  }
  return undefined;
}

/** Readers that take the size of a tensor alone. */
const SHAPE_READERS: ReadonlySet<string> = new Set(['Shape', 'Size']);

function continues({ op, inputs }: GraphNode, isComputed: (tensor: string) => boolean): boolean {
  if (op === 'Concat') return true;
  const moving = inputs.filter((name) => name !== '' && isComputed(name));
  return (BRANCH_OPS.has(op) || isWeighted(op)) && moving.length === 1;
}

/** The factor of a multiplication by one value. */
function gammaOf(
  { op, inputs }: GraphNode,
  { constants, values }: Graph,
  isComputed: (tensor: string) => boolean,
): ResidualBranch['gamma'] {
  const name = op === 'Mul' ? inputs.find((operand) => !isComputed(operand)) : undefined;
  const shape = name === undefined ? undefined : constants.get(name);
  const value = name === undefined ? undefined : values.get(name)?.[0];
  if (name === undefined || shape === undefined || value === undefined || sizeOf(shape) !== 1)
    return undefined;
  return { name, value };
}
