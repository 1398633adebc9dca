import { type AttributeValue, type GraphNode, producersByTensor } from '../model/graph/graph.ts';
import { LAYOUT_OPS } from '../model/graph/layout-ops.ts';
import type { Finiteness, Model, NamedTensor } from '../model/model.ts';
import { DTYPES, readNumber, type Tensor } from '../tensor/tensor.ts';
import { findNumericalSites } from './numerical-sites/find-sites.ts';
import { finitenessOf, type Operand, operandOf, worstIndexOf } from './operands.ts';

/** Where a number that is not finite comes from. */
export interface Origin {
  /** The first operation in topological order that makes it out of finite ones. */
  readonly node: GraphNode;
  /** Its result that holds it, and the worst of what that holds. */
  readonly tensor: string;
  readonly kind: 'nan' | 'inf';
  /** Operations from there to an output, by name, the first one included. */
  readonly path: readonly string[];
}

/** An origin with what the operation was given. */
export interface OriginDetails {
  readonly operation: string;
  readonly kind: string;
  readonly tensor: string;
  /** `NaN`, `Infinity` or `-Infinity`: what came out at the worst element. */
  readonly result: string;
  /** Place of the worst element in the result, counted over the tensor. */
  readonly index: number;
  readonly operands: readonly Operand[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly path: readonly string[];
}

/** Bytes of tensors that are looked at at once. */
const MAX_BYTES_PER_RUN = 8 << 20;

/** Tensors of the first look, and most of any. */
const INITIAL_TENSORS_PER_RUN = 4;
const MAX_TENSORS_PER_RUN = 64;

/** Operations that are looked at one by one. */
const MAX_SUSPECTS = 16;

/** Operations whose results are the values they were given. */
const REARRANGING_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Transpose', 'Slice']);

/** Longest path that is told. */
const MAX_PATH_LENGTH = 64;

/**
 * Finds the operation where numbers stop being finite. Where the runtime flags tensors in one run it is asked to;
 * else tensors are looked at a few at a time, in topological order, so that memory stays bounded.
 */
export class NonfiniteLocalizer {
  readonly #model: Model;
  readonly #nodes: readonly GraphNode[];
  readonly #producers: ReadonlyMap<string, GraphNode>;
  /** Floating-point tensors that nodes make, in topological order. */
  readonly #floatTensors: readonly string[];
  readonly #observableTensors: ReadonlySet<string>;
  /** Operations that can go wrong; undefined until they are asked for. */
  #suspects: readonly GraphNode[] | undefined;
  readonly #infiniteConstants = new Map<string, boolean>();

  constructor(model: Model) {
    this.#model = model;
    const { nodes, types } = model.graph;
    this.#nodes = nodes;
    this.#producers = producersByTensor(model.graph);
    const watchable = new Set(model.watchable);
    const isFloat = (name: string): boolean => {
      const type = types.get(name);
      return type !== undefined && DTYPES[type].kind === 'float';
    };
    this.#floatTensors = nodes
      .flatMap(({ outputs }) => outputs)
      .filter((name) => watchable.has(name) && isFloat(name));
    this.#observableTensors = new Set(this.#floatTensors);
  }

  /**
   * Where the numbers of one testcase stop being finite; undefined where they don't while tensors are looked at, or
   * where that can't be seen.
   *
   * @param feeds one testcase as the model takes it
   */
  async locate(feeds: readonly Tensor[]): Promise<Origin | undefined> {
    const seen = await this.#observeFiniteness(feeds);
    const bad = (name: string): boolean => (seen.get(name) ?? 'finite') !== 'finite';
    const nan = (name: string): boolean => seen.get(name) === 'nan';
    const makes = (from: (name: string) => boolean, into: (name: string) => boolean) =>
      this.#nodes.find(
        ({ inputs, outputs }) =>
          outputs.some(into) && !inputs.some(from) && this.#reachesOutput(outputs, bad),
      );
    // Masks bring infinities of their own: what reads one is no origin unless it makes a NaN.
    const node = makes((name) => bad(name) || this.#isNonfiniteConstant(name), bad) ?? makes(nan, nan);
    if (node === undefined) return undefined;
    const passed = this.#producers.get(this.#tensorBeforeRearranging(node));
    if (passed !== undefined && passed !== node) {
      const [tensor] = passed.outputs;
      const kind = seen.get(node.outputs[0]) === 'nan' ? 'nan' : 'inf';
      return { node: passed, tensor, kind, path: [passed.name, ...this.#pathToOutput(node, bad)] };
    }
    const tensor = node.outputs.find(nan) ?? (node.outputs.find(bad) as string);
    const kind = nan(tensor) ? 'nan' : 'inf';
    return { node, tensor, kind, path: this.#pathToOutput(node, bad) };
  }

  /**
   * Looks at what each site makes, by itself: with all tensors flagged the runtime may round otherwise than it does
   * unmodified, as where it fuses operations or keeps halves in single precision. Each look may open a session: for
   * where `locate` sees nothing.
   */
  async locateOneByOne(feeds: readonly Tensor[]): Promise<Origin | undefined> {
    if (this.#suspects === undefined) {
      const sites = new Set(findNumericalSites(this.#model).map(({ name }) => name));
      this.#suspects = this.#nodes.filter(({ name }) => sites.has(name)).slice(0, MAX_SUSPECTS);
    }
    for (const node of this.#suspects) {
      const tensors = [...node.inputs, ...node.outputs].filter((name) => this.#observableTensors.has(name));
      const { activations } = await this.#model.run(feeds, [...new Set(tensors)]);
      const seen = new Map(activations.map((tensor) => [tensor.name, finitenessOf(tensor)]));
      const bad = (name: string): boolean => (seen.get(name) ?? 'finite') !== 'finite';
      const tensor = node.outputs.find(bad);
      if (tensor === undefined || node.inputs.some(bad)) continue;
      return { node, tensor, kind: seen.get(tensor) === 'nan' ? 'nan' : 'inf', path: [node.name] };
    }
    return undefined;
  }

  /** The tensor behind operations that change no value: those make nothing of their own. */
  #tensorBeforeRearranging(node: GraphNode): string {
    let at = node;
    let [tensor] = node.outputs;
    while (REARRANGING_OPS.has(at.op)) {
      [tensor] = at.inputs;
      const maker = this.#producers.get(tensor);
      if (maker === undefined) return node.outputs[0];
      at = maker;
    }
    return tensor;
  }

  /** What the operation of an origin was given, at the element that went wrong. */
  async describe(origin: Origin, feeds: readonly Tensor[]): Promise<OriginDetails> {
    const { node, tensor, path } = origin;
    const watchable = new Set(this.#model.watchable);
    const inputs = [...new Set(node.inputs)].filter((name) => name !== '');
    const watched = [tensor, ...inputs.filter((name) => watchable.has(name))];
    const { activations } = await this.#model.run(feeds, watched);
    const [result, ...read] = activations;
    const index = worstIndexOf(result);
    const known = new Map(read.map((one) => [one.name, one]));
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

  #isNonfiniteConstant(name: string): boolean {
    if (!this.#model.graph.constants.has(name)) return false;
    let infinite = this.#infiniteConstants.get(name);
    if (infinite === undefined) {
      const tensor = this.#model.constant(name);
      infinite = tensor !== undefined && finitenessOf(tensor) !== 'finite';
      this.#infiniteConstants.set(name, infinite);
    }
    return infinite;
  }

  /** Whether what a node makes is still not finite at an output of the model, where one of them is not. */
  #reachesOutput(made: readonly string[], bad: (name: string) => boolean): boolean {
    const { outputs } = this.#model;
    if (!outputs.some(bad)) return true;
    const reached = new Set(made);
    for (const node of this.#nodes) {
      if (!node.inputs.some((name) => reached.has(name))) continue;
      for (const output of node.outputs)
        if (bad(output) || !this.#observableTensors.has(output)) reached.add(output);
    }
    return outputs.some((name) => reached.has(name));
  }

  /** How each tensor whose numbers can be seen fares with these inputs. */
  async #observeFiniteness(feeds: readonly Tensor[]): Promise<ReadonlyMap<string, Finiteness>> {
    const { nonFiniteFlags } = this.#model.capabilities;
    if (this.#floatTensors.length === 0) return new Map();
    if (nonFiniteFlags !== undefined) {
      try {
        const flags = await nonFiniteFlags.nonFinite(feeds, this.#floatTensors);
        return new Map(this.#floatTensors.map((name, i) => [name, flags[i]]));
      } catch {
        // Some graph that can't be changed so: its tensors are looked at themselves. It is tried anew each time, since
        // what one testcase comes to must not depend on those before it; what failed to open fails at once.
      }
    }
    const seen = new Map<string, Finiteness>();
    let some = INITIAL_TENSORS_PER_RUN;
    for (let from = 0; from < this.#floatTensors.length; ) {
      const { activations } = await this.#model.run(feeds, this.#floatTensors.slice(from, from + some));
      for (const tensor of activations) seen.set(tensor.name, finitenessOf(tensor));
      from += some;
      const bytes = activations.reduce((sum, { data }) => sum + data.byteLength, 0);
      const each = Math.max(1, bytes / activations.length);
      some = Math.max(1, Math.min(MAX_TENSORS_PER_RUN, Math.floor(MAX_BYTES_PER_RUN / each)));
    }
    return seen;
  }

  /** The shortest way along tensors that are not finite, from a node to an output. */
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
