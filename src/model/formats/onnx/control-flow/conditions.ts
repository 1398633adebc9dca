import type * as ort from 'onnxruntime-node';
import { bytesOf, makeData, readNumber, sizeOf, writeNumber } from '../../../../tensor/tensor.ts';
import type { FixedInput, InputInvariants } from '../../../model.ts';
import { firstNumber } from '../ort-tensor.ts';
import { ModelProto, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor } from '../proto.ts';
import { DATA_TYPE, tensorOf } from '../tensor.ts';
import { bodiesOf, controlFlowOf } from './bodies.ts';
import { definedNames } from './unique-names.ts';

/** Operations that give other values in each run. */
const RANDOM_OPS: ReadonlySet<string> = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
]);

/** A part of a graph. */
interface CutOut {
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly object[];
}

/** Sizes of a tensor; undefined where one is not known. */
export type KnownSizes = readonly (number | undefined)[];

/**
 * Decides conditions that depend on nothing but constants, known shapes and inputs that have one value. The operations
 * before a condition are cut out of the model and run, so that their result is the runtime's own.
 */
export class ConditionEvaluator {
  /** Tensors whose shapes would decide a condition that was asked for, and are not known. */
  readonly undecidedShapes = new Set<string>();
  readonly #model: OnnxModel;
  readonly #open: (bytes: Uint8Array) => Promise<ort.InferenceSession>;
  readonly #shapes: ReadonlyMap<string, KnownSizes>;
  /** The node that computes each tensor, of the graph and of all bodies: names are unique. */
  readonly #producers = new Map<string, OnnxNode>();
  /** Constants, inputs of one value among them. */
  readonly #constants = new Map<string, OnnxTensor>();
  /** Conditions of all Ifs, those of bodies included. */
  readonly #conditions = new Set<string>();
  #together: Promise<ReadonlyMap<string, boolean> | undefined> | undefined;

  /**
   * @param model with unique names
   * @param shapes of tensors, as far as they are the same in all runs
   */
  constructor(
    model: OnnxModel,
    values: InputInvariants['values'],
    shapes: ReadonlyMap<string, KnownSizes>,
    open: (bytes: Uint8Array) => Promise<ort.InferenceSession>,
  ) {
    this.#model = model;
    this.#shapes = shapes;
    this.#open = open;
    if (model.graph === null) return;
    this.#collect(model.graph);
    for (const { name } of model.graph.input) {
      const value = values[name];
      if (value !== undefined) this.#constants.set(name, fixedTensor(name, value));
    }
  }

  #collect({ initializer, node }: OnnxGraph): void {
    for (const tensor of initializer) this.#constants.set(tensor.name, tensor);
    for (const inner of node) {
      for (const output of inner.output) this.#producers.set(output, inner);
      if (controlFlowOf(inner) === 'If') this.#conditions.add(inner.input[0]);
      for (const { graph } of bodiesOf(inner)) this.#collect(graph);
    }
  }

  /** The value of a condition; undefined if it depends on the inputs of a run, or cannot be computed. */
  async decide(condition: string): Promise<boolean | undefined> {
    const part = this.#cutOut([condition], undefined);
    if (part === undefined) {
      const shapes = new Set<string>();
      if (this.#cutOut([condition], shapes) !== undefined)
        for (const tensor of shapes) this.undecidedShapes.add(tensor);
      return undefined;
    }
    this.#together ??= this.#computeTogether();
    const values = (await this.#together) ?? (await this.#compute([condition], part));
    return values?.get(condition);
  }

  /** All conditions that can be computed, in one session; undefined if one of them fails, as in a branch not taken. */
  #computeTogether(): Promise<ReadonlyMap<string, boolean> | undefined> {
    const conditions = [...this.#conditions].filter((name) => this.#cutOut([name], undefined) !== undefined);
    const part = this.#cutOut(conditions, undefined);
    return part === undefined ? Promise.resolve(undefined) : this.#compute(conditions, part);
  }

  async #compute(
    conditions: readonly string[],
    part: CutOut,
  ): Promise<ReadonlyMap<string, boolean> | undefined> {
    const { irVersion, opsetImport, functions } = this.#model;
    const graph = { name: 'conditions', ...part, output: conditions.map((name) => ({ name })) };
    const bytes = ModelProto.encode({ irVersion, opsetImport, functions, graph } as object).finish();
    try {
      const session = await this.#open(bytes);
      try {
        const results = await session.run({}, [...conditions]);
        const decided = conditions.filter((name) => results[name].size === 1);
        return new Map(decided.map((name) => [name, firstNumber(results[name]) !== 0]));
      } finally {
        await session.release();
      }
    } catch {
      // A condition that the runtime cannot compute alone is left to the run.
      return undefined;
    }
  }

  /**
   * The operations and constants that compute tensors; undefined if one depends on the inputs of a run.
   *
   * @param shapes if given, shapes count as known, and this receives the tensors whose shapes are read
   */
  #cutOut(wanted: readonly string[], shapes: Set<string> | undefined): CutOut | undefined {
    const node = new Set<OnnxNode>();
    const initializer: object[] = [];
    const seen = new Set<string>(['', ...wanted]);
    // Grows while it is walked.
    const pending = [...wanted];
    for (const tensor of pending) {
      const constant = this.#constants.get(tensor) ?? this.#knownShape(tensor);
      if (constant !== undefined) {
        initializer.push(constant);
        continue;
      }
      const producer = this.#producers.get(tensor);
      if (producer === undefined || RANDOM_OPS.has(producer.opType)) return undefined;
      node.add(producer);
      if (shapes !== undefined && producer.opType === 'Shape') {
        shapes.add(producer.input[0]);
        continue;
      }
      for (const name of readNames(producer)) {
        if (!seen.has(name)) pending.push(name);
        seen.add(name);
      }
    }
    return { node: [...node], initializer };
  }

  /** What operations give that read known sizes of a tensor only: its Shape, its rank, or one of its sizes. */
  #knownShape(tensor: string): object | undefined {
    const node = this.#producers.get(tensor);
    if (node === undefined) return undefined;
    const shape = this.#shapeReadBy(node);
    if (shape?.every((size) => size !== undefined)) return int64Tensor(tensor, [shape.length], shape);
    const source = this.#producers.get(node.input[0] ?? '');
    const sizes = source === undefined ? undefined : this.#shapeReadBy(source);
    if (sizes === undefined) return undefined;
    if (node.opType === 'Size') return int64Tensor(tensor, [], [sizes.length]);
    const index = node.opType === 'Gather' ? this.#constantScalar(node.input[1] ?? '') : undefined;
    const size = index === undefined ? undefined : sizes.at(index);
    return size === undefined ? undefined : int64Tensor(tensor, [], [size]);
  }

  /** The sizes that a Shape node gives. */
  #shapeReadBy({ opType, input, attribute }: OnnxNode): KnownSizes | undefined {
    return opType === 'Shape' && attribute.length === 0 ? this.#shapes.get(input[0]) : undefined;
  }

  /** The number in a constant without dimensions. */
  #constantScalar(name: string): number | undefined {
    const producer = this.#producers.get(name);
    const value = producer?.attribute.find((attribute) => attribute.name === 'value')?.t;
    const tensor = (producer?.opType === 'Constant' ? value : this.#constants.get(name)) ?? undefined;
    if (tensor === undefined || tensor.dims.length > 0) return undefined;
    const { type, data } = tensorOf(tensor, name);
    return readNumber(type, data, 0);
  }
}

/** Tensors that a node reads, those that its bodies capture included. */
function readNames(node: OnnxNode): string[] {
  const captured = bodiesOf(node).flatMap(({ graph }) => {
    const defined = new Set(definedNames(graph));
    const read = [...graph.node.flatMap(readNames), ...graph.output.map(({ name }) => name)];
    return read.filter((name) => !defined.has(name));
  });
  return [...node.input, ...captured];
}

function fixedTensor(name: string, { type, shape, values }: FixedInput): OnnxTensor {
  const data = makeData(type, sizeOf(shape));
  values.forEach((value, i) => {
    writeNumber(type, data, i, value);
  });
  return { name, dataType: DATA_TYPE[type], dims: shape, rawData: bytesOf(data) } as unknown as OnnxTensor;
}

function int64Tensor(name: string, dims: readonly number[], values: readonly (number | undefined)[]): object {
  return { name, dataType: DATA_TYPE.int64, dims, int64Data: values };
}
