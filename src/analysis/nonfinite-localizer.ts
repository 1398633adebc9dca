import { type AttributeValue, type GraphNode, producers } from '../model/graph/graph.ts';
import { KEEPING } from '../model/graph/layout-ops.ts';
import type { Finiteness, Model, NamedTensor } from '../model/model.ts';
import { DTYPES, readNumber, type Tensor } from '../tensor/tensor.ts';
import { sitesOf } from './numerical-sites/find-sites.ts';
import { finiteness, type Operand, operandOf, worstOf } from './operands.ts';

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
const BYTES_AT_ONCE = 8 << 20;

/** Tensors of the first look, and most of any. */
const FIRST_LOOK = 4;
const MOST_AT_ONCE = 64;

/** Operations that are looked at one by one. */
const MOST_SUSPECTS = 16;

/** Operations whose results are the values they were given. */
const ARRANGING: ReadonlySet<string> = new Set([...KEEPING, 'Transpose', 'Slice']);

/** Longest path that is told. */
const LONGEST_PATH = 64;

/**
 * Finds the operation where numbers stop being finite. Where the runtime flags tensors in one run it is asked to;
 * else tensors are looked at a few at a time, in topological order, so that memory stays bounded.
 */
export class Localiser {
  readonly #model: Model;
  readonly #nodes: readonly GraphNode[];
  readonly #maker: ReadonlyMap<string, GraphNode>;
  /** Floating-point tensors that nodes make, in topological order. */
  readonly #tensors: readonly string[];
  readonly #isSeen: ReadonlySet<string>;
  /** Operations that can go wrong; undefined until they are asked for. */
  #suspects: readonly GraphNode[] | undefined;
  readonly #isInfiniteConstant = new Map<string, boolean>();

  constructor(model: Model) {
    this.#model = model;
    const { nodes, types } = model.graph;
    this.#nodes = nodes;
    this.#maker = producers(model.graph);
    const watchable = new Set(model.watchable);
    const isFloat = (name: string): boolean => {
      const type = types.get(name);
      return type !== undefined && DTYPES[type].kind === 'float';
    };
    this.#tensors = nodes
      .flatMap(({ outputs }) => outputs)
      .filter((name) => watchable.has(name) && isFloat(name));
    this.#isSeen = new Set(this.#tensors);
  }

  /**
   * Where the numbers of one testcase stop being finite; undefined where they don't while tensors are looked at, or
   * where that can't be seen.
   *
   * @param feeds one testcase as the model takes it
   */
  async locate(feeds: readonly Tensor[]): Promise<Origin | undefined> {
    const seen = await this.#look(feeds);
    const bad = (name: string): boolean => (seen.get(name) ?? 'finite') !== 'finite';
    const nan = (name: string): boolean => seen.get(name) === 'nan';
    const makes = (from: (name: string) => boolean, into: (name: string) => boolean) =>
      this.#nodes.find(
        ({ inputs, outputs }) => outputs.some(into) && !inputs.some(from) && this.#leads(outputs, bad),
      );
    // Masks bring infinities of their own: what reads one is no origin unless it makes a NaN.
    const node = makes((name) => bad(name) || this.#isInfinite(name), bad) ?? makes(nan, nan);
    if (node === undefined) return undefined;
    const passed = this.#maker.get(this.#beforeArranging(node));
    if (passed !== undefined && passed !== node) {
      const [tensor] = passed.outputs;
      const kind = seen.get(node.outputs[0]) === 'nan' ? 'nan' : 'inf';
      return { node: passed, tensor, kind, path: [passed.name, ...this.#pathFrom(node, bad)] };
    }
    const tensor = node.outputs.find(nan) ?? (node.outputs.find(bad) as string);
    const kind = nan(tensor) ? 'nan' : 'inf';
    return { node, tensor, kind, path: this.#pathFrom(node, bad) };
  }

  /**
   * Looks at what each site makes, by itself: with all tensors flagged the runtime may round otherwise than it does
   * unmodified, as where it fuses operations or keeps halves in single precision. Each look may open a session: for
   * where `locate` sees nothing.
   */
  async locateOneByOne(feeds: readonly Tensor[]): Promise<Origin | undefined> {
    if (this.#suspects === undefined) {
      const sites = new Set(sitesOf(this.#model).map(({ name }) => name));
      this.#suspects = this.#nodes.filter(({ name }) => sites.has(name)).slice(0, MOST_SUSPECTS);
    }
    for (const node of this.#suspects) {
      const tensors = [...node.inputs, ...node.outputs].filter((name) => this.#isSeen.has(name));
      const { activations } = await this.#model.run(feeds, [...new Set(tensors)]);
      const seen = new Map(activations.map((tensor) => [tensor.name, finiteness(tensor)]));
      const bad = (name: string): boolean => (seen.get(name) ?? 'finite') !== 'finite';
      const tensor = node.outputs.find(bad);
      if (tensor === undefined || node.inputs.some(bad)) continue;
      return { node, tensor, kind: seen.get(tensor) === 'nan' ? 'nan' : 'inf', path: [node.name] };
    }
    return undefined;
  }

  /** The tensor behind operations that change no value: those make nothing of their own. */
  #beforeArranging(node: GraphNode): string {
    let at = node;
    let [tensor] = node.outputs;
    while (ARRANGING.has(at.op)) {
      [tensor] = at.inputs;
      const maker = this.#maker.get(tensor);
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
    const index = worstOf(result);
    const known = new Map(read.map((one) => [one.name, one]));
    this.#model.inputs.forEach((input, i) => known.set(input.name, { name: input.name, ...feeds[i] }));
    const operands = inputs.flatMap((name): Operand[] => {
      const values = known.get(name) ?? this.#constant(name);
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

  #constant(name: string): NamedTensor | undefined {
    const tensor = this.#model.constant(name);
    return tensor === undefined ? undefined : { name, ...tensor };
  }

  #isInfinite(name: string): boolean {
    if (!this.#model.graph.constants.has(name)) return false;
    let infinite = this.#isInfiniteConstant.get(name);
    if (infinite === undefined) {
      const tensor = this.#model.constant(name);
      infinite = tensor !== undefined && finiteness(tensor) !== 'finite';
      this.#isInfiniteConstant.set(name, infinite);
    }
    return infinite;
  }

  /** Whether what a node makes is still not finite at an output of the model, where one of them is not. */
  #leads(made: readonly string[], bad: (name: string) => boolean): boolean {
    const { outputs } = this.#model;
    if (!outputs.some(bad)) return true;
    const reached = new Set(made);
    for (const node of this.#nodes) {
      if (!node.inputs.some((name) => reached.has(name))) continue;
      for (const output of node.outputs) if (bad(output) || !this.#isSeen.has(output)) reached.add(output);
    }
    return outputs.some((name) => reached.has(name));
  }

  /** How each tensor whose numbers can be seen fares with these inputs. */
  async #look(feeds: readonly Tensor[]): Promise<ReadonlyMap<string, Finiteness>> {
    const { nonFinite } = this.#model;
    if (this.#tensors.length === 0) return new Map();
    if (nonFinite !== undefined) {
      try {
        const flags = await nonFinite.call(this.#model, feeds, this.#tensors);
        return new Map(this.#tensors.map((name, i) => [name, flags[i]]));
      } catch {
        // Some graph that can't be changed so: its tensors are looked at themselves. It is tried anew each time, since
        // what one testcase comes to must not depend on those before it; what failed to open fails at once.
      }
    }
    const seen = new Map<string, Finiteness>();
    let some = FIRST_LOOK;
    for (let from = 0; from < this.#tensors.length; ) {
      const { activations } = await this.#model.run(feeds, this.#tensors.slice(from, from + some));
      for (const tensor of activations) seen.set(tensor.name, finiteness(tensor));
      from += some;
      const bytes = activations.reduce((sum, { data }) => sum + data.byteLength, 0);
      const each = Math.max(1, bytes / activations.length);
      some = Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(BYTES_AT_ONCE / each)));
    }
    return seen;
  }

  /** The shortest way along tensors that are not finite, from a node to an output. */
  #pathFrom(start: GraphNode, bad: (name: string) => boolean): string[] {
    const outputs = new Set(this.#model.outputs);
    const from = new Map<GraphNode, GraphNode | undefined>([[start, undefined]]);
    const queue = [start];
    let end = start;
    for (const node of queue) {
      end = node;
      if (node.outputs.some((name) => outputs.has(name))) break;
      for (const next of this.#nodes) {
        const reads = next.inputs.some((name) => bad(name) && this.#maker.get(name) === node);
        if (!reads || from.has(next) || !next.outputs.some(bad)) continue;
        from.set(next, node);
        queue.push(next);
      }
    }
    const path: string[] = [];
    for (let node: GraphNode | undefined = end; node !== undefined; node = from.get(node))
      path.unshift(node.name);
    return path.slice(0, LONGEST_PATH);
  }
}
