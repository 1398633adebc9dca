import { type Graph, type GraphNode, searchableGraph } from '../../model/graph/graph.ts';
import type { Model } from '../../model/model.ts';
import { type DType, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import { ANY, hull, type Interval, smallestNormal } from '../numerical-sites/interval.ts';
import { nodeIntervals } from '../numerical-sites/interval-analysis.ts';
import { type AffineForm, evaluateAffine } from './affine-form.ts';
import { constantBounds, type ElementBounds, hullOf, isFloat, magnitudeAt } from './element-bounds.ts';
import { evaluateElementwise, isElementwise } from './elementwise-rules.ts';
import { GROUP_RULES } from './group-rules.ts';
import { LINEAR_RULES } from './linear-rules.ts';
import type { NodeContext, Size } from './node-context.ts';
import { type RelaxedStep, relaxedStep } from './relaxed-step.ts';
import { resultSizes } from './size-rules.ts';
import type { WorkBudget } from './work-budget.ts';

/** What of a model its bounds follow from. */
export type BoundedModel = Pick<Model, 'graph' | 'constant' | 'format'>;

/** How a tensor's elements follow from those of others, in linear terms. */
export type LinearStep =
  | { readonly kind: 'affine'; readonly form: AffineForm; readonly error: Float64Array | undefined }
  | ({ readonly kind: 'relaxed' } & RelaxedStep);

/** Operations whose interval takes going through all weights. */
const WEIGHTED_OPS: ReadonlySet<string> = new Set(['MatMul', 'Gemm', 'Conv']);

/** Terms of one operation's matrix, with twelve bytes each. */
const MAX_NODE_TERMS = 4e6;

/** Values of a tensor of sizes, at most. */
const MAX_SIZES = 4096;

/**
 * Bounds of each element of each tensor of a graph, for inputs within a box, by interval arithmetic. Of tensors whose shape or
 * operation is not understood, or for which there is no memory, an interval of all values is known.
 */
export class BoundPropagation {
  readonly graph: Graph;
  readonly #model: BoundedModel;
  readonly #budget: WorkBudget;
  readonly #keepsSteps: boolean;
  readonly #bounds = new Map<string, ElementBounds | undefined>();
  readonly #intervals: Map<string, Interval>;
  readonly #sizes = new Map<string, readonly Size[] | undefined>();
  readonly #constants = new Map<string, Tensor | undefined>();
  readonly #steps = new Map<string, LinearStep>();

  /**
   * @param box bounds of the inputs' elements; of inputs that are missing, the interval is what is known
   * @param intervals of inputs
   * @param keepsSteps whether `stepOf` is asked for
   */
  constructor(
    model: BoundedModel,
    box: ReadonlyMap<string, ElementBounds>,
    intervals: ReadonlyMap<string, Interval>,
    budget: WorkBudget,
    keepsSteps = false,
  ) {
    this.graph = searchableGraph(model.graph);
    this.#model = model;
    this.#budget = budget;
    this.#keepsSteps = keepsSteps;
    this.#intervals = new Map(intervals);
    for (const [name, bounds] of box) {
      this.#bounds.set(name, bounds);
      const interval = hullOf(bounds);
      if (interval !== undefined) this.#intervals.set(name, interval);
    }
  }

  /** Bounds of a tensor's elements; undefined where only its interval is known. */
  boundsOf(tensor: string | undefined): ElementBounds | undefined {
    if (tensor === undefined) return undefined;
    if (!this.#bounds.has(tensor) && this.graph.constants.has(tensor)) {
      const size = sizeOf(this.graph.constants.get(tensor) ?? []);
      const constant = this.#budget.take(size) ? this.#constant(tensor) : undefined;
      this.#bounds.set(tensor, constant && constantBounds(constant));
    }
    return this.#bounds.get(tensor);
  }

  /** The interval of all of a tensor's values. */
  intervalOf(tensor: string): Interval {
    let interval = this.#intervals.get(tensor);
    if (interval === undefined) {
      interval = this.graph.constants.has(tensor) ? hull(this.#constant(tensor)) : ANY;
      this.#intervals.set(tensor, interval);
    }
    return interval;
  }

  /** How the elements of a tensor that was computed follow from those of others; undefined where that is not known. */
  stepOf(tensor: string): LinearStep | undefined {
    return this.#steps.get(tensor);
  }

  /** What is known of a node's operands. */
  contextOf(node: GraphNode): NodeContext {
    return {
      node,
      format: this.#model.format,
      boundsOf: (tensor) => this.boundsOf(tensor),
      constant: (tensor) => this.#constant(tensor),
      typeOf: (tensor) => this.#typeOf(tensor),
      sizesOf: (tensor) => this.#sizesOf(tensor),
      canAfford: (terms) => terms <= MAX_NODE_TERMS && this.#budget.take(terms),
    };
  }

  /** Computes the bounds of a node's results from those of its operands. */
  evaluate(node: GraphNode): void {
    // What is in a body runs any number of times, and operations of other domains may have names of ONNX's.
    const isOpaque = node.body !== undefined || node.subgraphs !== undefined || node.domain !== undefined;
    const context = this.contextOf(node);
    const rules = LINEAR_RULES[this.#model.format];
    const rule = !isOpaque && Object.hasOwn(rules, node.op) ? rules[node.op] : undefined;
    const forms = rule?.(context);
    // The weights have been gone through already.
    const isWeighted = forms !== undefined && WEIGHTED_OPS.has(node.op);
    if (!isWeighted) {
      const { graph } = this;
      const intervals = nodeIntervals(node, {
        graph,
        intervalOf: (name) => this.intervalOf(name),
        constant: (name) => this.#constant(name),
      });
      node.outputs.forEach((output, i) => {
        this.#intervals.set(output, intervals[i]);
      });
    }
    if (isOpaque) return;
    this.#sizes.set(
      node.outputs[0],
      resultSizes(
        node,
        (tensor) => this.#sizesOf(tensor),
        (tensor) => this.boundsOf(tensor),
      ),
    );
    if (forms === undefined) this.#evaluateOther(context);
    else
      node.outputs.forEach((output, i) => {
        const form = forms[i];
        if (form !== undefined) this.#setAffine(context, output, form);
      });
  }

  /** Narrows the bounds of a tensor's elements. */
  narrow(tensor: string, bounds: ElementBounds): void {
    this.#bounds.set(tensor, bounds);
    const interval = hullOf(bounds);
    if (interval !== undefined) this.#intervals.set(tensor, intersection(interval, this.intervalOf(tensor)));
  }

  #setAffine(context: NodeContext, output: string, form: AffineForm): void {
    const { node, typeOf } = context;
    const type = typeOf(output);
    const operands = form.terms.map(({ tensor }) => this.boundsOf(tensor));
    const known = operands.filter((operand) => operand !== undefined);
    if (type === undefined || known.length < operands.length) return;
    const { bounds, error } = evaluateAffine(form, type, known);
    // A sum of two is rounded once: its error is relative to the result, however large its operands are.
    const isSingle = form.terms.length === 2 && isElementwise(node, this.#model.format) && isFloat(type);
    const single = isSingle ? this.#elementwise(context, type) : undefined;
    if (single !== undefined && error !== undefined) {
      intersect(bounds, single);
      const share = type === 'float16' ? 2 ** -8 : 2 ** -17;
      // The last part covers the rounding of coefficients in double precision, relative to the operands.
      for (let j = 0; j < error.length; j++)
        error[j] = Math.min(
          error[j],
          magnitudeAt(bounds, j) * share + 8 * smallestNormal(type) + error[j] * 2 ** -21,
        );
    }
    this.#set(output, bounds);
    if (this.#keepsSteps) this.#steps.set(output, { kind: 'affine', form, error });
  }

  #evaluateOther(context: NodeContext): void {
    const { node } = context;
    const [first] = node.outputs;
    const type = this.#typeOf(first);
    if (type === undefined) return;
    const isGroup = this.#model.format === 'onnx' && Object.hasOwn(GROUP_RULES, node.op);
    const bounds = isGroup ? GROUP_RULES[node.op](context) : this.#elementwise(context, type);
    if (bounds === undefined) return;
    this.#set(first, bounds);
    const step = this.#keepsSteps && !isGroup ? relaxedStep(context, bounds) : undefined;
    if (step !== undefined) this.#steps.set(first, { kind: 'relaxed', ...step });
  }

  #elementwise(context: NodeContext, type: DType): ElementBounds | undefined {
    const { node } = context;
    if (!isElementwise(node, this.#model.format)) return undefined;
    const operands = node.inputs.filter((name) => name !== '').map((name) => this.boundsOf(name));
    const known = operands.filter((operand) => operand !== undefined);
    if (known.length < operands.length || !this.#budget.take(Math.max(...known.map(({ low }) => low.length))))
      return undefined;
    return evaluateElementwise(context, known, type);
  }

  #set(output: string, bounds: ElementBounds): void {
    const interval = this.intervalOf(output);
    for (let j = 0; j < bounds.low.length; j++) {
      bounds.low[j] = Math.max(bounds.low[j], interval.low);
      bounds.high[j] = Math.min(bounds.high[j], interval.high);
    }
    const known = this.#bounds.get(output);
    if (known !== undefined && known.low.length === bounds.low.length) intersect(bounds, known);
    this.narrow(output, bounds);
  }

  #typeOf(tensor: string | undefined): DType | undefined {
    return tensor === undefined ? undefined : this.graph.types.get(tensor);
  }

  #constant(tensor: string | undefined): Tensor | undefined {
    if (tensor === undefined || !this.graph.constants.has(tensor)) return undefined;
    if (!this.#constants.has(tensor)) this.#constants.set(tensor, this.#model.constant(tensor));
    return this.#constants.get(tensor);
  }

  #sizesOf(tensor: string | undefined): readonly Size[] | undefined {
    if (tensor === undefined || tensor === '') return undefined;
    if (!this.#sizes.has(tensor)) {
      const isSmall = sizeOf(this.graph.constants.get(tensor) ?? [MAX_SIZES + 1]) <= MAX_SIZES;
      const constant = isSmall ? this.#constant(tensor) : undefined;
      this.#sizes.set(tensor, constant && Array.from(constant.data as ArrayLike<number | bigint>, Number));
    }
    return this.#sizes.get(tensor);
  }
}

function intersection(a: Interval, b: Interval): Interval {
  return { low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) };
}

/** Narrows bounds to those that others have as well. */
function intersect(bounds: ElementBounds, others: Pick<ElementBounds, 'low' | 'high'>): void {
  for (let j = 0; j < bounds.low.length; j++) {
    bounds.low[j] = Math.max(bounds.low[j], others.low[j]);
    bounds.high[j] = Math.min(bounds.high[j], others.high[j]);
  }
}
