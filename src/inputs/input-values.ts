import { readNumber } from '../tensor/tensor.ts';
import type { TestcaseData } from './testcase.ts';

/** The values of one input of a testcase, flattened, as float64. */
export function inputValues({ form, inputs }: TestcaseData, input: number): Float64Array {
  const { type, size } = form.inputs[input];
  return Float64Array.from({ length: size }, (_, i) => readNumber(type, inputs[input], i));
}
