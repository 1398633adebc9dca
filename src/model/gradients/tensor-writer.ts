import { type NodeAttributes, OnnxBuilder } from '../formats/onnx/builder.ts';
import { DATA_TYPE } from '../formats/onnx/tensor.ts';

/** A tensor of the graph that is being written, with all its sizes. Its values are float32 but where a comment says otherwise. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Begins the names of all tensors that are written, so that they may be appended to the model's own graph. */
const PREFIX = 'neurofuzz/gradient/';

/** Operators of one operand that keep its shape and type. */
type UnaryOp =
  | 'Abs'
  | 'Acos'
  | 'Asin'
  | 'Atan'
  | 'Cos'
  | 'Cosh'
  | 'Erf'
  | 'Exp'
  | 'Floor'
  | 'Log'
  | 'Neg'
  | 'Reciprocal'
  | 'Sigmoid'
  | 'Sign'
  | 'Sin'
  | 'Sinh'
  | 'Softplus'
  | 'Sqrt'
  | 'Tan'
  | 'Tanh';

/**
 * Writes nodes of an ONNX graph whose sizes are all known. Only operators are used whose definition is the same from
 * version 13 to 22 of the default domain; `needsScatter` tells whether one of version 16 is among them.
 */
export class TensorWriter {
  readonly builder = new OnnxBuilder();
  #count = 0;
  #needsScatter = false;
  readonly #scalars = new Map<number, Value>();
  readonly #shapes = new Map<string, string>();

  /** Whether an operator of version 16 was written: ScatterElements or ScatterND that adds. */
  get needsScatter(): boolean {
    return this.#needsScatter;
  }

  freshName(): string {
    return `${PREFIX}${this.#count++}`;
  }

  /** Any operator. */
  node(
    op: string,
    inputs: readonly (Value | string)[],
    shape: readonly number[],
    attributes: NodeAttributes = {},
  ): Value {
    const names = inputs.map((input) => (typeof input === 'string' ? input : input.name));
    return { name: this.builder.node(op, names, this.freshName(), attributes), shape };
  }

  scalar(value: number): Value {
    let scalar = this.#scalars.get(value);
    if (scalar === undefined) {
      scalar = this.floats(Float32Array.of(value), []);
      this.#scalars.set(value, scalar);
    }
    return scalar;
  }

  floats(data: Float32Array, shape: readonly number[]): Value {
    return { name: this.builder.constant(this.freshName(), 'float32', shape, data), shape };
  }

  /** A constant of int64. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const key = `${shape}:${values}`;
    let name = this.#shapes.get(key);
    if (name === undefined) {
      name = this.builder.constant(this.freshName(), 'int64', shape, BigInt64Array.from(values, BigInt));
      this.#shapes.set(key, name);
    }
    return name;
  }

  zeros(shape: readonly number[]): Value {
    return this.expand(this.scalar(0), shape);
  }

  unary(op: UnaryOp, x: Value): Value {
    return this.node(op, [x], x.shape);
  }

  #binary(op: string, a: Value, b: Value): Value {
    return this.node(op, [a, b], broadcastShape(a.shape, b.shape));
  }

  add(a: Value, b: Value): Value {
    return this.#binary('Add', a, b);
  }

  sub(a: Value, b: Value): Value {
    return this.#binary('Sub', a, b);
  }

  mul(a: Value, b: Value): Value {
    return this.#binary('Mul', a, b);
  }

  div(a: Value, b: Value): Value {
    return this.#binary('Div', a, b);
  }

  pow(a: Value, b: Value): Value {
    return this.#binary('Pow', a, b);
  }

  scale(a: Value, factor: number): Value {
    return factor === 1 ? a : this.mul(a, this.scalar(factor));
  }

  /** 1 − a. */
  oneMinus(a: Value): Value {
    return this.sub(this.scalar(1), a);
  }

  /** The sum of several; undefined of none. */
  sum(values: readonly Value[]): Value | undefined {
    return values.length === 0 ? undefined : values.reduce((total, value) => this.add(total, value));
  }

  /** A comparison, of booleans. */
  compare(op: 'Less' | 'Greater' | 'Equal', a: Value, b: Value): Value {
    return this.#binary(op, a, b);
  }

  /** Of booleans. */
  not(a: Value): Value {
    return this.node('Not', [a], a.shape);
  }

  /** Of booleans. */
  both(a: Value, b: Value): Value {
    return this.#binary('And', a, b);
  }

  where(condition: Value, a: Value, b: Value): Value {
    return this.node(
      'Where',
      [condition, a, b],
      broadcastShape(condition.shape, broadcastShape(a.shape, b.shape)),
    );
  }

  /** `a` where the condition holds, 0 elsewhere. */
  mask(condition: Value, a: Value): Value {
    return this.where(condition, a, this.scalar(0));
  }

  /** To float32. */
  toFloat(a: Value): Value {
    return this.node('Cast', [a], a.shape, { to: DATA_TYPE.float32 });
  }

  /** To int64, of numbers that are whole. */
  toInteger(a: Value): Value {
    return this.node('Cast', [a], a.shape, { to: DATA_TYPE.int64 });
  }

  /** Sums over axes, which stay with size 1. */
  reduceSum(x: Value, axes: readonly number[]): Value {
    if (axes.length === 0) return x;
    const shape = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
    return this.node('ReduceSum', [x, this.integers(axes)], shape, { keepdims: 1 });
  }

  /** Means over axes, which stay with size 1. */
  reduceMean(x: Value, axes: readonly number[]): Value {
    const count = axes.reduce((product, axis) => product * x.shape[axis], 1);
    return this.scale(this.reduceSum(x, axes), 1 / count);
  }

  /** Sums a gradient over the axes along which an operand of this shape was broadcast. */
  reduceTo(x: Value, shape: readonly number[]): Value {
    const lead = x.shape.length - shape.length;
    const axes = x.shape.flatMap((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? [i] : []));
    return this.reshape(this.reduceSum(x, axes), shape);
  }

  reshape(x: Value, shape: readonly number[]): Value {
    if (equalShapes(x.shape, shape)) return x;
    return this.node('Reshape', [x, this.integers(shape)], shape);
  }

  expand(x: Value, shape: readonly number[]): Value {
    if (equalShapes(x.shape, shape)) return x;
    return this.node('Expand', [x, this.integers(shape)], shape);
  }

  transpose(x: Value, perm: readonly number[]): Value {
    if (perm.every((axis, i) => axis === i)) return x;
    return this.node(
      'Transpose',
      [x],
      perm.map((axis) => x.shape[axis]),
      { perm },
    );
  }

  /** Exchanges the last two axes. */
  transposeMatrix(x: Value): Value {
    const rank = x.shape.length;
    const perm = x.shape.map((_, i) => i);
    return this.transpose(x, [...perm.slice(0, -2), rank - 1, rank - 2]);
  }

  /** Both operands have at least two axes. */
  matmul(a: Value, b: Value): Value {
    const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return this.node('MatMul', [a, b], [...batch, a.shape[a.shape.length - 2], b.shape[b.shape.length - 1]]);
  }

  /** The part from `start` to `end` along one axis. */
  slice(x: Value, axis: number, start: number, end: number): Value {
    if (start === 0 && end === x.shape[axis]) return x;
    const shape = x.shape.map((size, i) => (i === axis ? end - start : size));
    const [starts, ends, axes] = [[start], [end], [axis]].map((list) => this.integers(list));
    return this.node('Slice', [x, starts, ends, axes], shape);
  }

  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 1) return values[0];
    const size = values.reduce((sum, { shape }) => sum + shape[axis], 0);
    return this.node(
      'Concat',
      values,
      values[0].shape.map((old, i) => (i === axis ? size : old)),
      { axis },
    );
  }

  /** Adds zeros before and after each axis; negative numbers take values away. */
  pad(x: Value, before: readonly number[], after: readonly number[]): Value {
    if ([...before, ...after].every((count) => count === 0)) return x;
    const shape = x.shape.map((size, i) => size + before[i] + after[i]);
    return this.node('Pad', [x, this.integers([...before, ...after])], shape);
  }

  /**
   * The gradient of taking the elements at `indices` along an axis: adds each slice of `x` to the one it was taken from.
   *
   * @param indices name of int64 numbers, as many as `x` has slices along the axis
   * @param size of the axis that was taken from
   */
  scatterAdd(x: Value, axis: number, indices: string, size: number): Value {
    const shape = x.shape.map((old, i) => (i === axis ? size : old));
    const aligned = this.node(
      'Reshape',
      [indices, this.integers(x.shape.map((d, i) => (i === axis ? d : 1)))],
      [],
    );
    const full = this.node('Expand', [aligned, this.integers(x.shape)], x.shape);
    return this.scatterElementsAdd(shape, full, x, axis);
  }

  /** Zeros of a shape, to which updates are added at int64 indices along an axis. */
  scatterElementsAdd(shape: readonly number[], indices: Value | string, updates: Value, axis: number): Value {
    this.#needsScatter = true;
    const attributes = { axis, reduction: { string: 'add' } };
    return this.node('ScatterElements', [this.zeros(shape), indices, updates], shape, attributes);
  }

  /** Zeros of a shape, to which slices are added at int64 index tuples. */
  scatterSlicesAdd(shape: readonly number[], indices: Value | string, updates: Value): Value {
    this.#needsScatter = true;
    const attributes = { reduction: { string: 'add' } };
    return this.node('ScatterND', [this.zeros(shape), indices, updates], shape, attributes);
  }
}

export function equalShapes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** The shape that operands of two shapes are broadcast to. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    return left === 1 ? right : left;
  });
}

/** An axis counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** All axes of a shape from `first` on. */
export function axesFrom(first: number, shape: readonly number[]): number[] {
  return shape.flatMap((_, i) => (i >= first ? [i] : []));
}
