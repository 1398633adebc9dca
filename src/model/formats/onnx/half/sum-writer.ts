import type { HalfArithmetic, HalfSettings } from '../../../half.ts';
import { changed } from '../control-flow/bodies.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../proto.ts';
import { addsUp, expandSums } from './partial-sums.ts';
import type { TensorFacts } from './tensor-facts.ts';

/** Begins the names of tensors that are added to a model for its half precision. */
export const HALF_PREFIX = 'neurofuzz/half/';

/** Nodes that take the place of one, with the constants that they read. */
export interface WrittenSums {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
}

/** Replaces operations that add up by such whose partial sums are rounded, and keeps account of them. */
export class SumWriter {
  readonly #settings: HalfSettings;
  readonly #blocks: Record<string, number> = {};
  readonly #roundedOnce: string[] = [];
  #expanded = 0;

  constructor(settings: HalfSettings) {
    this.#settings = settings;
  }

  /**
   * @param node with its operands in single precision, of values in half precision
   * @param name of the operation, for the account
   */
  expand(node: OnnxNode, name: string, facts: TensorFacts): WrittenSums {
    const { accumulate, lanes, block } = this.#settings;
    if (accumulate === 'float32' || !addsUp(node.opType)) return { nodes: [node], constants: [] };
    const [result = ''] = node.output;
    const expansion = expandSums(
      node,
      { format: accumulate, lanes, block },
      facts,
      `${HALF_PREFIX}${result}/`,
    );
    if (expansion === undefined) {
      this.#roundedOnce.push(name);
      return { nodes: [node], constants: [] };
    }
    this.#expanded++;
    if (expansion.block > 1) this.#blocks[name] = expansion.block;
    const { node: nodes, initializer } = expansion.nodes.builder.graph('') as OnnxGraph;
    const last = { ...IDENTITY, name: result, input: [expansion.result], output: [result] };
    return {
      nodes: [...nodes, changed(node, last)],
      constants: initializer,
    };
  }

  /** What was expanded so far, and what was not. */
  account(): Omit<HalfArithmetic, 'format'> {
    const { accumulate, lanes } = this.#settings;
    return {
      accumulate,
      lanes,
      partialSums: this.#expanded,
      blocks: this.#blocks,
      roundedOnce: this.#roundedOnce,
    };
  }
}

const IDENTITY = { opType: 'Identity', domain: '', attribute: [] } as const;
