import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import { producersByTensor } from '../../model/graph/graph.ts';
import { findInputDependentTensors } from '../../model/graph/input-dependence.ts';
import { LAYOUT_OPS } from '../../model/graph/layout-ops.ts';
import { findBranch, type ResidualBranch } from './find-branch.ts';
import { type WeightAxes, weightAxes } from './weight-axes.ts';

/** A block of attention in a graph. Names are those of tensors but for `name`. */
export interface AttentionBlock {
  /** The operation of its softmax. */
  readonly name: string;
  /** What the softmax reads: scores of each query and key, behind scale and mask. */
  readonly scores: string;
  /** What the product with the values reads: the weights, perhaps with other axes than the softmax gives them. */
  readonly weights: string;
  readonly axes: WeightAxes;
  readonly query: string;
  readonly key: string;
  readonly value: string;
  /** What is added to the scores, or the condition that chooses among them; undefined for none. */
  readonly mask: string | undefined;
  /** Where its result is added to the tensor that skips it; undefined where that is not found. */
  readonly branch: ResidualBranch | undefined;
}

/** A softmax that is none of attention. */
export interface OtherSoftmax {
  readonly name: string;
  readonly why: string;
}

/** What a graph shows of attention. */
export interface FoundAttention {
  /** In topological order. */
  readonly blocks: readonly AttentionBlock[];
  readonly others: readonly OtherSoftmax[];
  /** Operations that hide their softmax. */
  readonly notVisible: readonly { readonly name: string; readonly op: string }[];
}

/** Operations that compute attention whole. */
const FUSED_OPS: ReadonlySet<string> = new Set([
  ...[
    'Attention',
    'MultiHeadAttention',
    'GroupQueryAttention',
    'PackedAttention',
    'PackedMultiHeadAttention',
  ],
  ...['DecoderAttention', 'DecoderMaskedMultiHeadAttention', 'DecoderMaskedSelfAttention', 'QAttention'],
  ...['LongformerAttention', 'SparseAttention', 'PagedAttention', 'LinearAttention', 'AdditiveAttention'],
]);

/** Operations that rearrange or convert weights. */
const PASSING_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Transpose', 'Cast']);

const PRODUCTS: ReadonlySet<string> = new Set([
  ...['MatMul', 'FusedMatMul', 'Gemm', 'Einsum', 'BatchMatMul', 'BatchMatMulV2', 'BatchMatMulV3'],
]);

const SCALING_OPS: ReadonlySet<string> = new Set(['Mul', 'Div', 'RealDiv']);
const ADDING_OPS: ReadonlySet<string> = new Set(['Add', 'AddV2', 'Sub']);
const CHOOSING_OPS: ReadonlySet<string> = new Set(['Where', 'Select', 'SelectV2']);

/** Limit on the operations that are followed from a softmax. */
const MAX_HOPS = 16;

/**
 * Finds attention: a softmax whose result goes, only rearranged, into a product with a tensor that the inputs change, and whose operand
 * comes, scaled by constants and masked, from a product of two such tensors.
 */
export function findAttentionBlocks(graph: Graph): FoundAttention {
  const search = new Search(graph);
  const blocks: AttentionBlock[] = [];
  const others: OtherSoftmax[] = [];
  const notVisible: { name: string; op: string }[] = [];
  for (const node of graph.nodes) {
    if (FUSED_OPS.has(node.op)) notVisible.push({ name: node.name, op: node.op });
    if (node.op !== 'Softmax') continue;
    const found = search.blockOf(node);
    if (typeof found === 'string') others.push({ name: node.name, why: found });
    else blocks.push(found);
  }
  return { blocks, others, notVisible };
}

class Search {
  readonly #graph: Graph;
  readonly #producers: ReadonlyMap<string, GraphNode>;
  readonly #readers = new Map<string, GraphNode[]>();
  readonly #dependent: ReadonlySet<string>;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#producers = producersByTensor(graph);
    this.#dependent = findInputDependentTensors(graph);
    for (const node of graph.nodes)
      for (const name of new Set(node.inputs))
        if (name !== '') this.#readers.set(name, [...(this.#readers.get(name) ?? []), node]);
  }

  /** The block of a softmax, or why it is none. */
  blockOf(softmax: GraphNode): AttentionBlock | string {
    const [scores] = softmax.inputs;
    const [result] = softmax.outputs;
    const read = this.#productBehind(result);
    if (read === undefined) return this.#whyNoProduct(result);
    const { product, weights, position } = read;
    const axes = weightAxes(product, position);
    if (axes === undefined) return `the axes that ${product.op} ${product.name} adds up over are not known`;
    const source = this.#scoreProduct(scores, undefined, 0);
    if (source === undefined)
      return 'what it reads does not come from a product of two tensors that the inputs change';
    return {
      name: softmax.name,
      scores,
      weights,
      axes,
      query: source.product.inputs[0],
      key: source.product.inputs[1],
      value: product.inputs[1 - position],
      mask: source.mask,
      branch: findBranch(this.#graph, product.outputs[0], {
        readersOf: (tensor) => this.#readers.get(tensor) ?? [],
        isComputed: (tensor) => this.#dependent.has(tensor),
      }),
    };
  }

  /** The product that reads weights, through operations that rearrange them. */
  #productBehind(
    result: string,
  ): { readonly product: GraphNode; readonly weights: string; readonly position: number } | undefined {
    let frontier = [result];
    for (let hops = 0; hops < MAX_HOPS && frontier.length > 0; hops++) {
      const next: string[] = [];
      for (const weights of frontier)
        for (const reader of this.#readers.get(weights) ?? []) {
          if (this.#isProduct(reader))
            return { product: reader, weights, position: reader.inputs.indexOf(weights) };
          const passes = PASSING_OPS.has(reader.op) && reader.inputs[0] === weights;
          // Exports replace what is not a number, where all keys are masked.
          const guards = CHOOSING_OPS.has(reader.op) && reader.inputs.indexOf(weights) > 0;
          if (passes || guards) next.push(reader.outputs[0]);
        }
      frontier = next;
    }
    return undefined;
  }

  #whyNoProduct(result: string): string {
    if (this.#graph.outputs.includes(result)) return 'its result is an output of the model';
    const readers = this.#readers.get(result) ?? [];
    const [first] = readers.map(({ op, name }) => `${op} ${name}`);
    return first === undefined
      ? 'nothing reads its result'
      : `its result goes into ${first}, and from there into no product with a tensor that the inputs change`;
  }

  #isProduct({ op, inputs }: GraphNode): boolean {
    return (
      PRODUCTS.has(op) && inputs.length >= 2 && inputs.slice(0, 2).every((name) => this.#dependent.has(name))
    );
  }

  /** The product that scores come from, and the mask on the way. */
  #scoreProduct(
    tensor: string,
    mask: string | undefined,
    hops: number,
  ): { readonly product: GraphNode; readonly mask: string | undefined } | undefined {
    const node = this.#producers.get(tensor);
    if (node === undefined || hops > MAX_HOPS) return undefined;
    if (this.#isProduct(node)) return { product: node, mask };
    if (PASSING_OPS.has(node.op)) return this.#scoreProduct(node.inputs[0], mask, hops + 1);
    if (SCALING_OPS.has(node.op)) {
      const moving = node.inputs.filter((name) => this.#dependent.has(name));
      return moving.length === 1 ? this.#scoreProduct(moving[0], mask, hops + 1) : undefined;
    }
    const isChoice = CHOOSING_OPS.has(node.op);
    if (!isChoice && !ADDING_OPS.has(node.op)) return undefined;
    for (const name of isChoice ? node.inputs.slice(1) : node.inputs) {
      if (!this.#dependent.has(name)) continue;
      const other = isChoice ? node.inputs[0] : node.inputs.find((candidate) => candidate !== name);
      const found = this.#scoreProduct(name, other ?? mask, hops + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
