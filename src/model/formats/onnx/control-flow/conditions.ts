import type * as ort from 'onnxruntime-node';
import { bytesOf, makeData, sizeOf, writeNumber } from '../../../../tensor/tensor.ts';
import type { FixedInput, FixedInputs } from '../../../model.ts';
import { firstNumber } from '../ort-tensor.ts';
import {
  longToNumber,
  ModelProto,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '../proto.ts';
import { DATA_TYPE } from '../tensor.ts';
import { bodiesOf } from './bodies.ts';
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

/**
 * Decides conditions that depend on nothing but constants, declared shapes of inputs and inputs that have one value. The
 * operations before a condition are cut out of the model and run, so that their result is the runtime's own.
 */
export class ConditionEvaluator {
  readonly #model: OnnxModel;
  readonly #open: (bytes: Uint8Array) => Promise<ort.InferenceSession>;
  /** The node that computes each tensor, of the graph and of all bodies: names are unique. */
  readonly #producers = new Map<string, OnnxNode>();
  /** Constants, fixed inputs among them. */
  readonly #constants = new Map<string, OnnxTensor | object>();
  /** Declared sizes of the model's inputs; a free one is undefined. */
  readonly #shapes = new Map<string, readonly (number | undefined)[]>();
  readonly #decided = new Map<string, Promise<boolean | undefined>>();

  /** @param model with unique names */
  constructor(
    model: OnnxModel,
    fixed: FixedInputs,
    open: (bytes: Uint8Array) => Promise<ort.InferenceSession>,
  ) {
    this.#model = model;
    this.#open = open;
    if (model.graph === null) return;
    this.#collect(model.graph);
    for (const { name, type } of model.graph.input) {
      const dims = type?.tensorType?.shape?.dim;
      // Exporters write 0 for a free dimension.
      if (dims)
        this.#shapes.set(
          name,
          dims.map(({ dimValue, dimParam }) =>
            dimParam || !dimValue ? undefined : longToNumber(dimValue) || undefined,
          ),
        );
      const value = fixed[name];
      if (value !== undefined) this.#constants.set(name, fixedTensor(name, value));
    }
  }

  #collect({ initializer, node }: OnnxGraph): void {
    for (const tensor of initializer) this.#constants.set(tensor.name, tensor);
    for (const inner of node) {
      for (const output of inner.output) this.#producers.set(output, inner);
      for (const { graph } of bodiesOf(inner)) this.#collect(graph);
    }
  }

  /** The value of a condition; undefined if it depends on the inputs of a run, or cannot be computed. */
  decide(condition: string): Promise<boolean | undefined> {
    const known = this.#decided.get(condition) ?? this.#evaluate(condition);
    this.#decided.set(condition, known);
    return known;
  }

  async #evaluate(condition: string): Promise<boolean | undefined> {
    const part = this.#cutOut(condition);
    if (part === undefined) return undefined;
    const { irVersion, opsetImport, functions } = this.#model;
    const graph = { name: 'condition', ...part, output: [{ name: condition }] };
    const bytes = ModelProto.encode({ irVersion, opsetImport, functions, graph } as object).finish();
    try {
      const session = await this.#open(bytes);
      try {
        const { [condition]: result } = await session.run({}, [condition]);
        return result.size === 1 ? firstNumber(result) !== 0 : undefined;
      } finally {
        await session.release();
      }
    } catch {
      // A condition that the runtime cannot compute alone is left to the run.
      return undefined;
    }
  }

  /** The operations and constants that compute a tensor; undefined if it depends on the inputs of a run. */
  #cutOut(wanted: string): { readonly node: OnnxNode[]; readonly initializer: object[] } | undefined {
    const node = new Set<OnnxNode>();
    const initializer: object[] = [];
    const seen = new Set<string>(['', wanted]);
    // Grows while it is walked.
    const pending = [wanted];
    for (const tensor of pending) {
      const constant = this.#constants.get(tensor) ?? this.#knownShape(tensor);
      if (constant !== undefined) {
        initializer.push(constant);
        continue;
      }
      const producer = this.#producers.get(tensor);
      if (producer === undefined || RANDOM_OPS.has(producer.opType)) return undefined;
      node.add(producer);
      for (const name of readNames(producer)) {
        if (!seen.has(name)) pending.push(name);
        seen.add(name);
      }
    }
    return { node: [...node], initializer };
  }

  /** What operations give that read declared sizes of an input only: its Shape, its rank, or one of its sizes. */
  #knownShape(tensor: string): object | undefined {
    const node = this.#producers.get(tensor);
    if (node === undefined) return undefined;
    const shape = this.#shapeReadBy(node);
    if (shape?.every((size) => size !== undefined)) return int64Tensor(tensor, [shape.length], shape);
    const source = this.#producers.get(node.input[0] ?? '');
    const sizes = source === undefined ? undefined : this.#shapeReadBy(source);
    if (sizes === undefined) return undefined;
    return node.opType === 'Size' ? int64Tensor(tensor, [], [sizes.length]) : undefined;
  }

  /** The sizes that a Shape node gives. */
  #shapeReadBy({ opType, input, attribute }: OnnxNode): readonly (number | undefined)[] | undefined {
    return opType === 'Shape' && attribute.length === 0 ? this.#shapes.get(input[0]) : undefined;
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

function fixedTensor(name: string, { type, shape, values }: FixedInput): object {
  const data = makeData(type, sizeOf(shape));
  values.forEach((value, i) => {
    writeNumber(type, data, i, value);
  });
  return { name, dataType: DATA_TYPE[type], dims: shape, rawData: bytesOf(data) };
}

function int64Tensor(name: string, dims: readonly number[], values: readonly (number | undefined)[]): object {
  return { name, dataType: DATA_TYPE.int64, dims, int64Data: values };
}
