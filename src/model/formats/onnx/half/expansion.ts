import type { OnnxNode } from '../proto.ts';
import type { HalfNodes } from './rounded-product.ts';
import type { TensorFacts } from './tensor-facts.ts';

/** A node in the form that its expansion reads. */
export interface SumNode extends Pick<OnnxNode, 'opType' | 'domain' | 'attribute'> {
  readonly input: readonly string[];
  readonly output: readonly string[];
}

/** An operation that is to be expanded, and the nodes that are written for it. */
export interface ExpansionContext {
  readonly node: SumNode;
  readonly nodes: HalfNodes;
  readonly facts: TensorFacts;
  /** @param terms of each sum, where that is known */
  readonly multiply: (a: string, b: string, terms?: number) => string;
}
