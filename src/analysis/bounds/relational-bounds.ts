import type { GraphNode } from '../../model/graph/graph.ts';
import type { Hazard } from '../numerical-sites/hazard.ts';
import { flushed, type Interval } from '../numerical-sites/interval.ts';
import { reachesHazard } from '../numerical-sites/interval-analysis.ts';
import { type Ancestry, ancestryOf, BackwardBounds } from './backward-bounds.ts';
import { type BoundedModel, BoundPropagation } from './bound-propagation.ts';
import type { ElementBounds } from './element-bounds.ts';
import { GROUP_RULES } from './group-rules.ts';
import type { InputBox } from './input-boxes.ts';
import { reachingElements } from './target-bounds.ts';
import { WorkBudget } from './work-budget.ts';

/** Terms of the matrices of all operations, which are kept, with twelve bytes each. */
const MAX_TERMS = 8e6;

/** Share of the work that may go to the operands of operations that are not linear, before the targets. */
const OPERAND_SHARE = 0.6;

/** A tensor with its unsafe region. */
interface RegionOfTensor {
  readonly tensor: string;
  readonly hazard: Hazard;
}

/** Whether bounds of single elements tell that a region is not reached. */
export function isNarrowable({ kind }: Hazard): boolean {
  return kind === 'below' || kind === 'above' || kind === 'at' || kind === 'pole';
}

/**
 * Bounds of elements by relations between them: linear bounds are substituted backward, and the bounds of operands that linear
 * bounds depend on are narrowed so before, from the inputs on, as far as the work allows.
 */
export class RelationalBounds {
  readonly propagation: BoundPropagation;
  readonly #backward: BackwardBounds;
  readonly #work: WorkBudget;
  readonly #narrowed = new Set<string>();

  /**
   * @param tensors those that are asked for
   * @param work multiplications that it may take
   */
  constructor(
    model: BoundedModel,
    box: InputBox,
    intervals: ReadonlyMap<string, Interval>,
    tensors: readonly string[],
    work: number,
  ) {
    this.propagation = new BoundPropagation(model, box, intervals, new WorkBudget(MAX_TERMS), true);
    this.#backward = new BackwardBounds({
      stepOf: (tensor) => this.propagation.stepOf(tensor),
      boundsOf: (tensor) => this.propagation.boundsOf(tensor),
    });
    this.#work = new WorkBudget(work * OPERAND_SHARE);
    for (const node of neededNodes(this.propagation.graph.nodes, tensors)) this.#evaluate(node);
    this.#work = new WorkBudget(work * (1 - OPERAND_SHARE) + this.#work.left);
  }

  /** Narrows the bounds of a tensor's elements as far as it takes to tell whether they come to an unsafe region. */
  narrowTarget({ tensor, hazard }: RegionOfTensor): void {
    const bounds = this.propagation.boundsOf(tensor);
    if (bounds === undefined || !isNarrowable(hazard)) return;
    const type = this.propagation.graph.types.get(tensor);
    const elements = reachingElements(bounds, hazard, type);
    const ancestry = this.#ancestryOf(tensor);
    const narrower = copyOf(bounds);
    for (const element of elements) {
      if (!this.#work.take(2 * ancestry.work)) break;
      this.#narrowElement(ancestry, narrower, element, hazard);
      const interval = { low: narrower.low[element], high: narrower.high[element] };
      // The others do not matter any more.
      if (reachesHazard(flushed(interval, type), hazard)) break;
    }
    this.propagation.narrow(tensor, narrower);
  }

  #evaluate(node: GraphNode): void {
    const { propagation } = this;
    propagation.evaluate(node);
    const step = propagation.stepOf(node.outputs[0]);
    if (step === undefined ? !Object.hasOwn(GROUP_RULES, node.op) : step.kind === 'affine') return;
    let isNarrower = false;
    for (const operand of new Set(node.inputs)) if (this.#narrowOperand(operand, node)) isNarrower = true;
    if (isNarrower) propagation.evaluate(node);
  }

  /**
   * Narrows the bounds of a tensor's elements as far as the work allows.
   *
   * @param isWanted tells which elements; by default all
   * @returns whether it did
   */
  narrow(tensor: string, isWanted: (low: number, high: number) => boolean = () => true): boolean {
    const { propagation } = this;
    const bounds = propagation.boundsOf(tensor);
    if (bounds === undefined || propagation.stepOf(tensor) === undefined) return false;
    const ancestry = this.#ancestryOf(tensor);
    const behind = ancestry.tensors.filter(
      (name) => name !== tensor && propagation.stepOf(name) !== undefined,
    );
    // What is one affine step from the inputs has its best bounds already.
    if (behind.length === 0) return false;
    const elements: number[] = [];
    for (let i = 0; i < bounds.low.length; i++)
      if (bounds.low[i] < bounds.high[i] && isWanted(bounds.low[i], bounds.high[i])) elements.push(i);
    if (elements.length === 0 || !this.#work.take(2 * elements.length * ancestry.work)) return false;
    const narrower = copyOf(bounds);
    for (const element of elements) {
      this.#raiseLow(ancestry, narrower, element);
      this.#lowerHigh(ancestry, narrower, element);
    }
    propagation.narrow(tensor, narrower);
    return true;
  }

  /** Narrows an operand whose bounds its operation's planes depend on; returns whether it did. */
  #narrowOperand(tensor: string, { op }: GraphNode): boolean {
    const key = op === 'Relu' ? `${op} ${tensor}` : tensor;
    if (this.#narrowed.has(key)) return false;
    this.#narrowed.add(key);
    // A Relu is linear on either side of zero.
    return op === 'Relu' ? this.narrow(tensor, (low, high) => low < 0 && high > 0) : this.narrow(tensor);
  }

  #narrowElement(ancestry: Ancestry, bounds: ElementBounds, element: number, hazard: Hazard): void {
    const { kind } = hazard;
    if (kind !== 'above') this.#raiseLow(ancestry, bounds, element);
    if (kind === 'below' || (kind === 'at' && bounds.low[element] > hazard.bound)) return;
    this.#lowerHigh(ancestry, bounds, element);
  }

  #raiseLow(ancestry: Ancestry, { low, high }: ElementBounds, element: number): void {
    low[element] = Math.min(
      high[element],
      Math.max(low[element], this.#backward.lowerBound(ancestry, element, 1)),
    );
  }

  #lowerHigh(ancestry: Ancestry, { low, high }: ElementBounds, element: number): void {
    high[element] = Math.max(
      low[element],
      Math.min(high[element], -this.#backward.lowerBound(ancestry, element, -1)),
    );
  }

  #ancestryOf(tensor: string): Ancestry {
    return ancestryOf(tensor, (name) => this.propagation.stepOf(name));
  }
}

const copyOf = (bounds: ElementBounds): ElementBounds => ({
  ...bounds,
  low: bounds.low.slice(),
  high: bounds.high.slice(),
});

/** The nodes that tensors are computed by, in topological order. */
export function neededNodes(nodes: readonly GraphNode[], tensors: readonly string[]): GraphNode[] {
  const needed = new Set(tensors);
  const kept: GraphNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) needed.add(input);
    for (const { outputs } of node.subgraphs ?? []) for (const output of outputs) needed.add(output);
  }
  return kept.reverse();
}
