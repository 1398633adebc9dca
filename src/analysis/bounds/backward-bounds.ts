import type { LinearStep } from './bound-propagation.ts';
import { type ElementBounds, magnitudeAt } from './element-bounds.ts';

/** Covers the rounding of sums of coefficients and of bounds in double precision, of up to 2²⁵ terms, relative to their magnitudes. */
const SUM_SLACK = 2 ** -28;

/** What backward bounds are computed from. */
export interface BackwardSource {
  readonly stepOf: (tensor: string) => LinearStep | undefined;
  readonly boundsOf: (tensor: string) => ElementBounds | undefined;
}

/** The tensors that a step reads. */
function operandsOf(step: LinearStep): readonly string[] {
  const operands = step.kind === 'affine' ? step.form.terms : step.operands;
  return operands.map(({ tensor }) => tensor);
}

/** Number of multiplications of one way back through a step. */
function workOf(step: LinearStep): number {
  return step.kind === 'affine'
    ? step.form.terms.reduce((sum, { matrix }) => sum + matrix.columns.length + matrix.starts.length, 0)
    : step.operands.reduce((sum, { indices }) => sum + 2 * indices.length, 0);
}

/** What lies behind a tensor. */
export interface Ancestry {
  /** The tensor itself and those that it is computed from, each before what it is computed from. */
  readonly tensors: readonly string[];
  /** Number of multiplications of one bound. */
  readonly work: number;
}

/** Tensors behind one, as far as steps lead, each after all that are computed from it. */
export function ancestryOf(tensor: string, stepOf: BackwardSource['stepOf']): Ancestry {
  const done = new Set<string>();
  const ordered: string[] = [];
  let work = 0;
  const stack: { readonly name: string; readonly isLeaving: boolean }[] = [
    { name: tensor, isLeaving: false },
  ];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { name, isLeaving } = top;
    if (isLeaving) {
      ordered.push(name);
      continue;
    }
    if (done.has(name)) continue;
    done.add(name);
    const step = stepOf(name);
    work += step === undefined ? 0 : workOf(step);
    stack.push({ name, isLeaving: true });
    if (step !== undefined)
      for (const operand of operandsOf(step)) stack.push({ name: operand, isLeaving: false });
  }
  return { tensors: ordered.reverse(), work };
}

/**
 * Bounds of single elements by substituting backward, from an element to the inputs, linear bounds of each operation (Zhang et
 * al., Efficient Neural Network Robustness Certification with General Activation Functions, NeurIPS 2018), with the runtime's
 * rounding error of every operation added to the substituted bound.
 */
export class BackwardBounds {
  readonly #source: BackwardSource;
  readonly #coefficients = new Map<string, Float64Array>();

  constructor(source: BackwardSource) {
    this.#source = source;
  }

  /**
   * A lower bound of an element times a sign: with the sign −1, minus an upper bound. −∞ where none is found.
   *
   * @param ancestry of the tensor
   */
  lowerBound({ tensors }: Ancestry, element: number, sign: 1 | -1): number {
    const [target] = tensors;
    let bound = 0;
    let magnitude = 0;
    const add = (value: number): void => {
      bound += value;
      magnitude += Math.abs(value);
    };
    this.#coefficientsOf(target)[element] = sign;
    for (const tensor of tensors) {
      const coefficients = this.#coefficients.get(tensor);
      if (coefficients === undefined) continue;
      const bounds = this.#source.boundsOf(tensor);
      const step = this.#source.stepOf(tensor);
      // Looked up once for all elements.
      const operands = step && operandsOf(step).map((operand) => this.#coefficientsOf(operand));
      for (let j = 0; j < coefficients.length; j++) {
        const a = coefficients[j];
        if (a === 0) continue;
        magnitude += Math.abs(a) * (bounds === undefined ? Number.POSITIVE_INFINITY : magnitudeAt(bounds, j));
        if (step !== undefined && operands !== undefined) add(substitute(step, j, a, operands));
        else if (bounds !== undefined) add(a > 0 ? a * bounds.low[j] : a * bounds.high[j]);
      }
      coefficients.fill(0);
      // A value without bounds, or a coefficient beyond the largest number.
      if (!Number.isFinite(magnitude)) break;
    }
    if (Number.isFinite(magnitude)) return bound - magnitude * SUM_SLACK;
    for (const coefficients of this.#coefficients.values()) coefficients.fill(0);
    return Number.NEGATIVE_INFINITY;
  }

  #coefficientsOf(tensor: string): Float64Array {
    let coefficients = this.#coefficients.get(tensor);
    if (coefficients === undefined) {
      coefficients = new Float64Array(this.#source.boundsOf(tensor)?.low.length ?? 0);
      this.#coefficients.set(tensor, coefficients);
    }
    return coefficients;
  }
}

/** Adds to the coefficients of an element's operands, by its own; returns what is constant of the element. */
function substitute(step: LinearStep, j: number, a: number, operands: readonly Float64Array[]): number {
  if (step.kind === 'affine') {
    const { form, error } = step;
    for (let t = 0; t < operands.length; t++) {
      const coefficients = operands[t];
      const { starts, columns, weights } = form.terms[t].matrix;
      const end = starts[j + 1];
      for (let k = starts[j]; k < end; k++)
        coefficients[columns[k]] += weights === undefined ? a : a * weights[k];
    }
    const constant = form.offset === undefined ? 0 : a * form.offset[j];
    return error === undefined ? constant : constant - Math.abs(a) * error[j];
  }
  const planes = a > 0 ? step.lower : step.upper;
  for (let i = 0; i < operands.length; i++)
    operands[i][step.operands[i].indices[j]] += a * planes.slopes[i][j];
  return a * planes.offset[j];
}
