import {
  type AttributeValue,
  bodyTensorsOf,
  type Graph,
  type GraphNode,
  producersByTensor,
  searchableGraph,
} from '../model/graph/graph.ts';
import { LAYOUT_OPS } from '../model/graph/layout-ops.ts';
import { maskOnlyTest } from '../model/mask-only-tensors.ts';
import type { Finiteness, FinitenessVerdicts, Model, NamedTensor } from '../model/model.ts';
import type { RunResult } from '../model/run-result.ts';
import { DTYPES, readNumber, type Tensor } from '../tensor/tensor.ts';
import { type Absorption, followAbsorption, type ObservedTensors } from './meant-values.ts';
import { nonfiniteConstantTest } from './nonfinite-constants.ts';
import { findNumericalSites } from './numerical-sites/find-sites.ts';
import { finitenessOf, type Operand, operandOf, worstIndexOf } from './operands.ts';
import { ChunkSize } from './tensor-chunks.ts';

/** The operation that a NaN or an infinity comes from. */
export interface Origin {
  /** The first operation in topological order that computes it from finite values. */
  readonly node: GraphNode;
  /** The result that holds it, and the worst value in that. */
  readonly tensor: string;
  readonly kind: 'nan' | 'inf';
  /** Operations from there to an output, by name, the first one included. */
  readonly path: readonly string[];
  /** Where the values end that come to no output; absent where an output holds some. */
  readonly absorption?: Absorption;
}

/** An origin with the operation's operands. */
export interface OriginDetails {
  readonly operation: string;
  readonly kind: string;
  readonly tensor: string;
  /** Value of the worst element: `NaN`, `Infinity` or `-Infinity`. */
  readonly result: string;
  /** Index of the worst element, counted over the whole tensor. */
  readonly index: number;
  readonly operands: readonly Operand[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly path: readonly string[];
}

const MAX_TENSORS_PER_RUN = 64;

/** Limit on the operations that are observed one by one. */
const MAX_CANDIDATES = 16;

/** Operations whose results are values of their operand. */
const REARRANGING_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Transpose', 'Slice']);

/** Limit on the length of a reported path. */
const MAX_PATH_LENGTH = 64;

/**
 * Finds the operation at which values stop being finite. Tensors are flagged in one run by a runtime that can; else they
 * are watched a few at a time, in topological order, so that memory stays bounded.
 */
export class NonfiniteLocalizer {
  readonly #model: Model;
  readonly #graph: Graph;
  readonly #nodes: readonly GraphNode[];
  readonly #producers: ReadonlyMap<string, GraphNode>;
  /** Tensors of bodies, those that a body is given included. */
  readonly #bodyTensors: ReadonlySet<string>;
  /** Floating-point tensors that nodes compute, in topological order, and those that bodies are given. */
  readonly #floatTensors: readonly string[];
  readonly #observableTensors: ReadonlySet<string>;
  /** Numerical sites; undefined until they are needed. */
  #candidates: readonly GraphNode[] | undefined;
  readonly #isNonfiniteConstant: (name: string) => boolean;
  readonly #isMaskOnly: (name: string) => boolean;

  constructor(model: Model) {
    this.#model = model;
    this.#isNonfiniteConstant = nonfiniteConstantTest(model);
    this.#isMaskOnly = maskOnlyTest(model);
    this.#graph = searchableGraph(model.graph);
    const { nodes, types } = this.#graph;
    this.#nodes = nodes;
    this.#producers = producersByTensor(this.#graph);
    this.#bodyTensors = new Set(bodyTensorsOf(model.graph).keys());
    const watchable = new Set([...model.watchable, ...this.#bodyTensors]);
    const isFloat = (name: string): boolean => {
      const type = types.get(name);
      return type !== undefined && DTYPES[type].kind === 'float';
    };
    const computed = nodes.flatMap(({ outputs }) => outputs);
    this.#floatTensors = [...new Set([...computed, ...this.#bodyTensors])].filter(
      (name) => watchable.has(name) && isFloat(name),
    );
    this.#observableTensors = new Set(this.#floatTensors);
  }

  /**
   * The operation at which the values of one testcase stop being finite; undefined if all are finite while tensors are
   * observed, or it cannot be determined.
   *
   * @param feeds one testcase
   * @param seenIn inner tensors that hold such values: where no output does, the operation is one that leads to these
   */
  async locate(feeds: readonly Tensor[], seenIn: readonly string[] = []): Promise<Origin | undefined> {
    const { first, firstNan } = await this.#observeFiniteness(feeds);
    return this.#locateIn(first, 'inf', seenIn) ?? this.#locateIn(firstNan, 'nan', seenIn);
  }

  /**
   * The operation at which something begins that is not finite.
   *
   * @param seen the worst value of each floating-point tensor
   * @param sought anything that is not finite, out of finite operands; or a NaN, out of operands that hold none
   * @param seenIn as for `locate`
   */
  #locateIn(
    seen: ReadonlyMap<string, Finiteness>,
    sought: 'inf' | 'nan',
    seenIn: readonly string[],
  ): Origin | undefined {
    const bad = (name: string): boolean => this.#isBad(seen, name);
    const nan = (name: string): boolean => seen.get(name) === 'nan';
    const broken = this.#model.outputs.filter(bad);
    const ends = broken.length > 0 ? broken : seenIn.filter(bad);
    const firstFrom = (isSource: (name: string) => boolean, isResult: (name: string) => boolean) =>
      this.#nodes.find(
        ({ inputs, outputs }) =>
          outputs.some(isResult) && !inputs.some(isSource) && this.#reaches(outputs, ends, bad),
      );
    // Masks are infinite constants: an operation that reads one is an origin only if it computes a NaN.
    const isMask = (name: string): boolean =>
      this.#graph.constants.has(name) && this.#isNonfiniteConstant(name);
    const node = sought === 'nan' ? firstFrom(nan, nan) : firstFrom((name) => bad(name) || isMask(name), bad);
    if (node === undefined) return undefined;
    const absorption = broken.length > 0 ? {} : { absorption: this.#absorptionOf(node, seen) };
    const source = this.#producers.get(this.#tensorBeforeRearranging(node));
    if (source !== undefined && source !== node) {
      const [tensor] = source.outputs;
      const kind = seen.get(node.outputs[0]) === 'nan' ? 'nan' : 'inf';
      return {
        node: source,
        tensor,
        kind,
        path: [source.name, ...this.#pathToOutput(node, bad)],
        ...absorption,
      };
    }
    const tensor = node.outputs.find(nan) ?? node.outputs.find(bad);
    if (tensor === undefined) return undefined;
    const kind = nan(tensor) ? 'nan' : 'inf';
    return { node, tensor, kind, path: this.#pathToOutput(node, bad), ...absorption };
  }

  /** Where the values that a node makes come to an end, as far as the tensors were looked at. */
  #absorptionOf({ outputs }: GraphNode, seen: ReadonlyMap<string, Finiteness>): Absorption {
    const { types, constants } = this.#graph;
    const isFloat = (name: string): boolean => {
      const type = types.get(name);
      return type === undefined || DTYPES[type].kind === 'float';
    };
    const observed: ObservedTensors = {
      isBad: (name) => this.#isBad(seen, name),
      isNan: (name) => seen.get(name) === 'nan',
      isKnown: (name) => seen.has(name) || !isFloat(name),
      isConstant: (name) => constants.has(name),
    };
    return followAbsorption(this.#nodes, outputs, observed);
  }

  /**
   * Observes each numerical site by itself, for when `locate` finds nothing: with all tensors flagged the runtime may
   * round differently from the unmodified model, since it fuses operations or keeps halves in single precision. May
   * open a session for each site.
   */
  async locateOneByOne(feeds: readonly Tensor[]): Promise<Origin | undefined> {
    if (this.#candidates === undefined) {
      const sites = new Set(findNumericalSites(this.#model).map(({ name }) => name));
      this.#candidates = this.#nodes.filter(({ name }) => sites.has(name)).slice(0, MAX_CANDIDATES);
    }
    for (const node of this.#candidates) {
      const tensors = [...node.inputs, ...node.outputs, ...this.#readersOf(node)];
      const watched = [...new Set(tensors)].filter((name) => this.#observableTensors.has(name));
      const { outputs, activations } = await this.#watch(feeds, watched);
      const seen = new Map([...outputs, ...activations].map((tensor) => [tensor.name, finitenessOf(tensor)]));
      const bad = (name: string): boolean => this.#isBad(seen, name);
      const tensor = node.outputs.find(bad);
      if (tensor === undefined || node.inputs.some(bad)) continue;
      const absorption = this.#model.outputs.some(bad) ? {} : { absorption: this.#absorptionOf(node, seen) };
      const kind = seen.get(tensor) === 'nan' ? 'nan' : 'inf';
      return { node, tensor, kind, path: [node.name], ...absorption };
    }
    return undefined;
  }

  /** The results of the operations that read a node's. */
  #readersOf({ outputs }: GraphNode): string[] {
    return this.#nodes
      .filter(({ inputs }) => inputs.some((name) => outputs.includes(name)))
      .flatMap((reader) => reader.outputs);
  }

  /** Masks that a graph adds up to −∞ are no fault; what a softmax makes of them may be. */
  #isBad(seen: ReadonlyMap<string, Finiteness>, name: string): boolean {
    const finiteness = seen.get(name) ?? 'finite';
    return finiteness === 'nan' || (finiteness === 'inf' && !this.#isMaskOnly(name));
  }

  /** Tensors of a run; none where it fails since a body gives them several shapes, which cannot be watched. */
  async #watch(
    feeds: readonly Tensor[],
    tensors: readonly string[],
  ): Promise<Pick<RunResult, 'outputs' | 'activations'>> {
    try {
      return await this.#model.run(feeds, tensors);
    } catch (error) {
      if (tensors.some((name) => this.#bodyTensors.has(name))) return { outputs: [], activations: [] };
      throw error;
    }
  }

  /** The operand behind operations that only rearrange values, since those compute none. */
  #tensorBeforeRearranging(node: GraphNode): string {
    let current = node;
    let [tensor] = node.outputs;
    while (REARRANGING_OPS.has(current.op)) {
      [tensor] = current.inputs;
      const producer = this.#producers.get(tensor);
      if (producer === undefined) return node.outputs[0];
      current = producer;
    }
    return tensor;
  }

  /** The operands of an origin, at its worst element. */
  async describe(origin: Origin, feeds: readonly Tensor[]): Promise<OriginDetails> {
    const { node, tensor, path } = origin;
    const watchable = new Set([...this.#model.watchable, ...this.#bodyTensors]);
    const inputs = [...new Set(node.inputs)].filter((name) => name !== '');
    const watched = [tensor, ...inputs.filter((name) => watchable.has(name))];
    const { activations } = await this.#model.run(feeds, watched);
    const [result, ...read] = activations;
    const index = worstIndexOf(result);
    const known = new Map(read.map((operand) => [operand.name, operand]));
    this.#model.inputs.forEach((input, i) => known.set(input.name, { name: input.name, ...feeds[i] }));
    const operands = inputs.flatMap((name): Operand[] => {
      const values = known.get(name) ?? this.#constantTensor(name);
      return values === undefined || values.data.length === 0 ? [] : [operandOf(values, result, index)];
    });
    return {
      operation: node.name,
      kind: node.op,
      tensor,
      result: String(readNumber(result.type, result.data, index)),
      index,
      operands,
      attributes: node.attributes ?? {},
      path,
    };
  }

  #constantTensor(name: string): NamedTensor | undefined {
    const tensor = this.#model.constant(name);
    return tensor === undefined ? undefined : { name, ...tensor };
  }

  /** Whether a node's results lead to one of these tensors, by tensors that are not finite; true if there are none. */
  #reaches(results: readonly string[], ends: readonly string[], bad: (name: string) => boolean): boolean {
    if (ends.length === 0) return true;
    const reached = new Set(results);
    for (const node of this.#nodes) {
      if (!node.inputs.some((name) => reached.has(name))) continue;
      for (const output of node.outputs)
        if (bad(output) || !this.#observableTensors.has(output)) reached.add(output);
    }
    return ends.some((name) => reached.has(name));
  }

  /** The worst value of each floating-point tensor. */
  async #observeFiniteness(feeds: readonly Tensor[]): Promise<FinitenessVerdicts> {
    const { nonFiniteFlags } = this.#model.capabilities;
    const seen = new Map<string, Finiteness>();
    if (this.#floatTensors.length === 0) return { first: seen, firstNan: seen };
    if (nonFiniteFlags !== undefined) {
      try {
        return await nonFiniteFlags.nonFinite(feeds, this.#floatTensors);
      } catch {
        // Some graphs cannot be changed so; their tensors are watched. It is tried again each time, since the result for
        // one testcase must not depend on those before it; a session that failed to open fails at once.
      }
    }
    // What a body holds may have other shapes in each iteration, and cannot be watched then.
    const tensors = this.#floatTensors.filter((name) => !this.#bodyTensors.has(name));
    const chunk = new ChunkSize(MAX_TENSORS_PER_RUN);
    for (let from = 0; from < tensors.length; ) {
      const names = tensors.slice(from, from + chunk.tensors);
      const { activations } = await this.#model.run(feeds, names);
      for (const tensor of activations) seen.set(tensor.name, finitenessOf(tensor));
      from += names.length;
      const bytes = activations.reduce((sum, { data }) => sum + data.byteLength, 0);
      chunk.adapt(bytes, activations.length);
    }
    return { first: seen, firstNan: seen };
  }

  /** The shortest path of operations along tensors that are not finite, from a node to an output. */
  #pathToOutput(start: GraphNode, bad: (name: string) => boolean): string[] {
    const outputs = new Set(this.#model.outputs);
    const from = new Map<GraphNode, GraphNode | undefined>([[start, undefined]]);
    const queue = [start];
    let end = start;
    for (const node of queue) {
      end = node;
      if (node.outputs.some((name) => outputs.has(name))) break;
      for (const next of this.#nodes) {
        const reads = next.inputs.some((name) => bad(name) && this.#producers.get(name) === node);
        if (!reads || from.has(next) || !next.outputs.some(bad)) continue;
        from.set(next, node);
        queue.push(next);
      }
    }
    const path: string[] = [];
    for (let node: GraphNode | undefined = end; node !== undefined; node = from.get(node))
      path.unshift(node.name);
    return path.slice(0, MAX_PATH_LENGTH);
  }
}
