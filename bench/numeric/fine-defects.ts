import { randomStream } from '../../src/core/random.ts';
import { Pen } from './pen.ts';

/** Values of a vector that two inputs, or the two halves of one, hold. */
const WIDTH = 8;

/** Vectors below this norm are divided by it, so that a vector of zeros is no defect of its own. */
const LEAST_NORM = 1e-6;

/**
 * A defect at a bound that exact arithmetic reaches at single points and never crosses: only a climb to within rounding of the
 * bound meets it.
 */
export interface FineDefect {
  readonly name: string;
  /** Name of the defective operation. */
  readonly site: string;
  /** Inputs with the shape of a testcase. */
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Adds the operations behind the inputs, with the defect or its repair, and returns the output. */
  readonly write: (pen: Pen, repaired: boolean) => string;
}

const VECTORS = [
  { name: 'a', shape: [WIDTH] },
  { name: 'b', shape: [WIDTH] },
];

/** A sum along the last axis, which stays with size 1. */
function sum(pen: Pen, tensor: string, name: string): string {
  return pen.op('ReduceSum', [tensor, pen.constant([-1], 'int64')], name, { keepdims: 1 });
}

/** Inner products. `[batch, 1]` */
function product(pen: Pen, a: string, b: string, name: string): string {
  return sum(pen, pen.op('Mul', [a, b], `${name}_terms`), name);
}

/** A tensor divided by its norm. */
function normalised(pen: Pen, tensor: string): string {
  const norm = pen.op('Sqrt', [product(pen, tensor, tensor, `${tensor}_square`)], `${tensor}_norm`);
  const floor = pen.op('Max', [norm, pen.constant(LEAST_NORM)], `${tensor}_floor`);
  return pen.op('Div', [tensor, floor], `${tensor}_unit`);
}

/** The cosine between two vectors, which rounding takes above 1. `[batch, 1]` */
function cosine(pen: Pen, a: string, b: string): string {
  return product(pen, normalised(pen, a), normalised(pen, b), 'cosine');
}

/** A vector without its mean. */
function centred(pen: Pen, tensor: string): string {
  const mean = pen.op('ReduceMean', [tensor], `${tensor}_mean`, { axes: [-1], keepdims: 1 });
  return pen.op('Sub', [tensor, mean], `${tensor}_centred`);
}

/** A dense layer with drawn weights. */
function dense(pen: Pen, tensor: string, outputs: number, name: string, bias = 0): string {
  const random = randomStream('numeric-fine', name);
  const weights = Float32Array.from({ length: WIDTH * outputs }, () => 2 * random.uniform() - 1);
  const kernel = pen.graph.constant(`${name}_weights`, 'float32', [WIDTH, outputs], weights);
  const product = pen.op('MatMul', [tensor, kernel], `${name}_product`);
  return pen.op('Add', [product, pen.constant(bias)], name);
}

/** The columns of a tensor. */
function columns(pen: Pen, tensor: string, names: readonly string[]): readonly string[] {
  pen.graph.node('Split', [tensor], names, { axis: -1 });
  return names;
}

/** A side of a box. */
interface Side {
  readonly start: string;
  readonly end: string;
  readonly length: string;
}

/** A side of at least a twentieth, given where it starts. */
function sideFrom(pen: Pen, start: string, size: string): Side {
  const length = pen.op('Add', [pen.op('Abs', [size], `${size}_size`), pen.constant(0.05)], `${size}_long`);
  return { start, end: pen.op('Add', [start, length], `${start}_end`), length };
}

/** The same, given its middle. */
function sideAround(pen: Pen, middle: string, size: string): Side {
  const length = pen.op('Add', [pen.op('Abs', [size], `${size}_size`), pen.constant(0.05)], `${size}_long`);
  const half = pen.op('Mul', [length, pen.constant(0.5)], `${size}_half`);
  return {
    start: pen.op('Sub', [middle, half], `${middle}_start`),
    end: pen.op('Add', [middle, half], `${middle}_end`),
    length,
  };
}

/** The length that two sides share. */
function shared(pen: Pen, a: Side, b: Side, name: string): string {
  const from = pen.op('Max', [a.start, b.start], `${name}_from`);
  const to = pen.op('Min', [a.end, b.end], `${name}_to`);
  return pen.op('Relu', [pen.op('Sub', [to, from], `${name}_gap`)], name);
}

/** All fine defects with their repairs. */
export const FINE_DEFECTS: readonly FineDefect[] = [
  {
    name: 'fine-acos',
    site: 'angle',
    inputs: VECTORS,
    write(pen, ok) {
      const c = cosine(pen, 'a', 'b');
      return pen.op('Acos', [ok ? pen.clipped(c, -1, 1) : c], 'angle');
    },
  },
  {
    name: 'fine-asin',
    site: 'pitch',
    inputs: [{ name: 'q', shape: [4] }],
    write(pen, ok) {
      // The pitch of a quaternion, which rounding takes above a right angle where it looks straight up.
      const [w, x, y, z] = columns(pen, 'q', ['q_w', 'q_x', 'q_y', 'q_z']);
      const difference = pen.op(
        'Sub',
        [pen.op('Mul', [w, y], 'wy'), pen.op('Mul', [z, x], 'zx')],
        'difference',
      );
      const square = pen.op(
        'Max',
        [product(pen, 'q', 'q', 'square'), pen.constant(LEAST_NORM ** 2)],
        'square_floor',
      );
      const sine = pen.op(
        'Div',
        [pen.op('Mul', [difference, pen.constant(2)], 'twice_difference'), square],
        'sine',
      );
      return pen.op('Asin', [ok ? pen.clipped(sine, -1, 1) : sine], 'pitch');
    },
  },
  {
    name: 'fine-atanh',
    site: 'fisher',
    inputs: VECTORS,
    write(pen, ok) {
      // Fisher's transform of a correlation.
      const r = cosine(pen, centred(pen, 'a'), centred(pen, 'b'));
      return pen.op('Atanh', [ok ? pen.clipped(r, -0.999, 0.999) : r], 'fisher');
    },
  },
  {
    name: 'fine-sqrt',
    site: 'sine',
    inputs: [{ name: 'pair', shape: [2, WIDTH] }],
    write(pen, ok) {
      const parts = ['first', 'second'];
      pen.graph.node('Split', ['pair'], parts, { axis: 1 });
      const c = cosine(pen, 'first', 'second');
      const square = pen.op('Mul', [c, c], 'cosine_square');
      const rest = pen.op('Sub', [pen.constant(1), square], 'rest');
      return pen.op('Sqrt', [ok ? pen.op('Relu', [rest], 'floor') : rest], 'sine');
    },
  },
  {
    name: 'fine-cosine',
    site: 'loss',
    inputs: VECTORS,
    write(pen, ok) {
      // Each input has an embedding of its own: equal inputs are not near.
      const c = cosine(pen, dense(pen, 'a', 6, 'left'), dense(pen, 'b', 6, 'right'));
      const apart = pen.op('Sub', [pen.constant(1), c], 'apart');
      return pen.op('Log', [ok ? pen.op('Max', [apart, pen.constant(1e-6)], 'floor') : apart], 'loss');
    },
  },
  {
    name: 'fine-overlap',
    site: 'inverse',
    inputs: [
      { name: 'p', shape: [4] },
      { name: 'q', shape: [4] },
    ],
    write(pen, ok) {
      const [px, py, pw, ph] = columns(pen, 'p', ['p_x', 'p_y', 'p_w', 'p_h']);
      const [qx, qy, qw, qh] = columns(pen, 'q', ['q_x', 'q_y', 'q_w', 'q_h']);
      // One box by its middle, as detectors predict it, the other by its corner, as labels have it.
      const p = [sideAround(pen, px, pw), sideAround(pen, py, ph)];
      const q = [sideFrom(pen, qx, qw), sideFrom(pen, qy, qh)];
      const across = shared(pen, p[0], q[0], 'across');
      const down = shared(pen, p[1], q[1], 'down');
      const overlap = pen.op('Mul', [across, down], 'overlap');
      const areas = pen.op(
        'Add',
        [
          pen.op('Mul', [p[0].length, p[1].length], 'p_area'),
          pen.op('Mul', [q[0].length, q[1].length], 'q_area'),
        ],
        'areas',
      );
      const union = pen.op('Sub', [areas, overlap], 'union');
      const apart = pen.op('Sub', [union, overlap], 'apart');
      return pen.op(
        'Div',
        [
          pen.constant(1),
          ok ? pen.op('Add', [pen.op('Abs', [apart], 'size'), pen.constant(1e-6)], 'raised') : apart,
        ],
        'inverse',
      );
    },
  },
  {
    name: 'fine-log',
    site: 'log_volume',
    inputs: VECTORS,
    write(pen, ok) {
      // The Gram determinant of two vectors, each with a further coordinate of 1.
      const one = pen.constant(1);
      const [aa, bb, ab] = ['aa', 'bb', 'ab'].map((name) =>
        pen.op('Add', [product(pen, name[0], name[1], `${name}_part`), one], name),
      );
      const volume = pen.op(
        'Sub',
        [pen.op('Mul', [aa, bb], 'squares'), pen.op('Mul', [ab, ab], 'ab_square')],
        'volume',
      );
      return pen.op(
        'Log',
        [ok ? pen.op('Max', [volume, pen.constant(1e-6)], 'floor') : volume],
        'log_volume',
      );
    },
  },
  {
    name: 'fine-div',
    site: 'slope',
    inputs: VECTORS,
    write(pen, ok) {
      const [left, right] = [dense(pen, 'a', 1, 'left', 0.3), dense(pen, 'b', 1, 'right', -0.1)];
      const run = pen.op('Sub', [left, right], 'run');
      const rise = pen.op('Add', [left, right], 'rise');
      return pen.op(
        'Div',
        [rise, ok ? pen.op('Add', [pen.op('Abs', [run], 'size'), pen.constant(1e-6)], 'raised') : run],
        'slope',
      );
    },
  },
];

/** Writes a model with a fine defect, or its repaired twin. */
export function writeFineDefect({ name, inputs, write }: FineDefect, repaired: boolean): Uint8Array {
  const pen = new Pen();
  for (const input of inputs) pen.graph.input(input.name, 'float32', ['batch', ...input.shape]);
  const output = write(pen, repaired);
  pen.graph.node('Identity', [output], 'y');
  pen.graph.output('y', 'float32', ['batch', 'n', 'm'].slice(0, 1 + inputs[0].shape.length));
  return pen.graph.finish(name, 13);
}
