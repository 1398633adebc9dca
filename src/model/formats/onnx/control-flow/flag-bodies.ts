import { bytesOf } from '../../../../tensor/tensor.ts';
import { decodeMessage } from '../../decode-message.ts';
import { ModelProto, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxValue } from '../proto.ts';
import { DATA_TYPE } from '../tensor.ts';
import { bodiesOf, changed, controlFlowOf, countStates, mapBodies } from './bodies.ts';
import { encodeModel } from './encode-model.ts';
import { ADDED_PREFIX, insertOutputs, NodeList, untyped } from './node-list.ts';
import { definedNames } from './unique-names.ts';

/**
 * Levels of tensors of bodies, as vectors of float32: 0 for a tensor that is finite, 1 for one with an infinity, 2 for
 * one with a NaN. Of a body that runs several times they are those of one iteration: in `first` of the first one that has
 * a result that is not finite, else of the first with anything that is not; in `firstNan` likewise for NaN alone. So the
 * operands of that iteration's first fault are finite.
 */
export interface LevelVectors {
  readonly first: string;
  readonly firstNan: string;
  /** The tensors, in the vectors' order. */
  readonly tensors: readonly string[];
}

/** An ONNX file in which levels of tensors of bodies are computed. */
export interface FlaggedModel {
  readonly bytes: Uint8Array;
  /** Tensors of the main graph, but not yet outputs. */
  readonly levels: readonly LevelVectors[];
}

/**
 * Computes the levels of tensors of bodies beside them.
 *
 * @param bytes a file with unique names
 * @param tensors floating-point tensors of bodies
 */
export function flagInBodies(bytes: Uint8Array, tensors: readonly string[]): FlaggedModel {
  if (tensors.length === 0) return { bytes, levels: [] };
  const model = decodeMessage<OnnxModel>(ModelProto, bytes);
  if (model.graph === null) return { bytes, levels: [] };
  const { graph, levels } = new Flagging(new Set(tensors)).flagWithin(model.graph);
  return { bytes: encodeModel(changed(model, { graph })), levels };
}

interface FlaggedGraph {
  readonly graph: OnnxGraph;
  readonly levels: readonly LevelVectors[];
}

class Flagging {
  readonly #wanted: ReadonlySet<string>;
  #lists = 0;

  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  /** Flags what a graph's bodies hold; the vectors are tensors of the graph. */
  flagWithin(graph: OnnxGraph): FlaggedGraph {
    const levels: LevelVectors[] = [];
    const added = this.#newList();
    const node = graph.node.map((inner) => {
      const op = controlFlowOf(inner);
      if (op === undefined) return inner;
      const flagged = op === 'If' ? this.#flagIf(inner) : this.#flagIteration(op, inner, added);
      levels.push(...flagged.levels);
      return flagged.node;
    });
    return { graph: added.appendTo(changed(graph, { node })), levels };
  }

  /** Both branches give the vectors of both, zeros for the other's. */
  #flagIf(node: OnnxNode): { readonly node: OnnxNode; readonly levels: readonly LevelVectors[] } {
    const branches = new Map(bodiesOf(node).map(({ graph }) => [graph, this.#flagBody(graph)]));
    const flagged = [...branches.values()].filter(({ vectors }) => vectors.tensors.length > 0);
    if (flagged.length === 0) return { node, levels: [] };
    const withBranches = mapBodies(node, ({ graph }) => {
      const branch = branches.get(graph);
      const added = this.#newList();
      const results = flagged.flatMap((other) => {
        const { first, firstNan, tensors } = other.vectors;
        return other === branch ? [first, firstNan] : [zeros(added, tensors), zeros(added, tensors)];
      });
      const copies = results.map((name) => added.add('Identity', [name]));
      const flaggedGraph = added.appendTo(branch?.graph ?? graph);
      return changed(flaggedGraph, { output: [...flaggedGraph.output, ...copies.map(untyped)] });
    });
    const levels = flagged.map(({ vectors }) => this.#namesFor(vectors.tensors));
    const names = levels.flatMap(({ first, firstNan }) => [first, firstNan]);
    const [{ graph: branch }] = bodiesOf(node);
    return {
      node: changed(withBranches, { output: insertOutputs(node, branch.output.length, names) }),
      levels,
    };
  }

  /** Two further values are carried from one iteration to the next: the vectors so far. */
  #flagIteration(
    op: 'Loop' | 'Scan',
    node: OnnxNode,
    outer: NodeList,
  ): { readonly node: OnnxNode; readonly levels: readonly LevelVectors[] } {
    const [{ graph: body }] = bodiesOf(node);
    const { graph, vectors } = this.#flagBody(body);
    const { tensors } = vectors;
    if (tensors.length === 0) return { node, levels: [] };
    const states = countStates(op, node);
    const control = op === 'Loop' ? 1 : 0;
    const results = body.output.slice(control).map(({ name }) => tensors.indexOf(name));
    const places = [...new Set(results.filter((place) => place >= 0))];
    const added = this.#newList();
    const before = this.#namesFor(tensors);
    const inputs = [before.first, before.firstNan].map((name) => floatVector(name, tensors.length));
    const after = [
      worse(added, before.first, vectors.first, places, 0),
      worse(added, before.firstNan, vectors.firstNan, places, 1),
    ];
    const inserted = <T>(list: readonly T[], at: number, items: readonly T[]): T[] => [
      ...list.slice(0, at),
      ...items,
      ...list.slice(at),
    ];
    const bodyInputs = op === 'Loop' ? states + 2 : states;
    const flaggedBody = added.appendTo(graph);
    const withBody = mapBodies(node, () =>
      changed(flaggedBody, {
        input: inserted(flaggedBody.input, bodyInputs, inputs),
        output: inserted(flaggedBody.output, states + control, after.map(untyped)),
      }),
    );
    const level = this.#namesFor(tensors);
    const input = [...node.input];
    while (input.length < bodyInputs) input.push('');
    return {
      node: changed(withBody, {
        input: inserted(input, bodyInputs, [zeros(outer, tensors), zeros(outer, tensors)]),
        output: insertOutputs(node, states, [level.first, level.firstNan]),
      }),
      levels: [level],
    };
  }

  /** The levels of all that a body and those within it compute or are given, as one vector each. */
  #flagBody(body: OnnxGraph): { readonly graph: OnnxGraph; readonly vectors: LevelVectors } {
    const { graph, levels } = this.flagWithin(body);
    const computed = definedNames(body).filter((name) => this.#wanted.has(name));
    const added = this.#newList();
    const outerLevels = computed.map((name) => levelOf(added, name));
    const tensors = [...computed, ...levels.flatMap((inner) => inner.tensors)];
    if (tensors.length === 0) return { graph, vectors: { first: '', firstNan: '', tensors } };
    const join = (vector: 'first' | 'firstNan'): string =>
      added.add('Concat', [...outerLevels, ...levels.map((inner) => inner[vector])], { axis: 0 });
    const vectors = { first: join('first'), firstNan: join('firstNan'), tensors };
    return { graph: added.appendTo(graph), vectors };
  }

  #newList(): NodeList {
    return new NodeList(`${ADDED_PREFIX}level_${this.#lists++}_`);
  }

  #namesFor(tensors: readonly string[]): LevelVectors {
    const name = `${ADDED_PREFIX}levels_${this.#lists++}`;
    return { first: `${name}_first`, firstNan: `${name}_nan`, tensors };
  }
}

function float(values: readonly number[]): Uint8Array {
  return bytesOf(Float32Array.from(values));
}

function zeros(nodes: NodeList, { length }: readonly string[]): string {
  return nodes.constant(DATA_TYPE.float32, [length], float(new Array<number>(length).fill(0)));
}

function floatVector(name: string, length: number): OnnxValue {
  return {
    name,
    type: { tensorType: { elemType: DATA_TYPE.float32, shape: { dim: [{ dimValue: length }] } } },
  };
}

/** The level of a tensor, as a vector of one: its difference from itself is NaN unless it is finite. */
function levelOf(nodes: NodeList, tensor: string): string {
  const isNan = (part: string): string => {
    const sum = nodes.add('ReduceSum', [part], { keepdims: 0 });
    return nodes.add('Cast', [nodes.add('IsNaN', [sum])], { to: DATA_TYPE.float32 });
  };
  const level = nodes.add('Add', [
    isNan(nodes.add('Sub', [tensor, tensor])),
    isNan(nodes.add('Abs', [tensor])),
  ]);
  return nodes.add('Reshape', [level, nodes.constant(DATA_TYPE.int64, [1], bytesOf(BigInt64Array.of(1n)))]);
}

/**
 * The vector of this iteration if it is worse than that so far: results that are not finite are worse than anything else
 * that is not, and that is worse than nothing.
 *
 * @param places of the body's results in the vectors
 * @param ignored levels up to this one count as finite
 */
function worse(
  nodes: NodeList,
  before: string,
  now: string,
  places: readonly number[],
  ignored: number,
): string {
  const limits = [ignored, ignored + 1].map((limit) =>
    nodes.constant(DATA_TYPE.float32, [1], float([limit])),
  );
  const [low, high] = limits;
  const indices = nodes.constant(
    DATA_TYPE.int64,
    [places.length],
    bytesOf(BigInt64Array.from(places, BigInt)),
  );
  const severity = (vector: string): string => {
    const clipped = nodes.add('Max', [nodes.add('Min', [vector, high]), low]);
    const worst = (part: string): string => nodes.add('ReduceMax', [part], { keepdims: 0 });
    if (places.length === 0) return worst(clipped);
    return nodes.add('Add', [worst(clipped), worst(nodes.add('Gather', [clipped, indices]))]);
  };
  return nodes.add('Where', [nodes.add('Greater', [severity(now), severity(before)]), now, before]);
}
