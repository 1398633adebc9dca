import { errorMessage, UserError } from '../../core/errors.ts';
import { encodeStrings } from '../../tensor/strings.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** Largest number of dimensions, as in NumPy. */
const MAX_DEPTH = 64;

/**
 * Decodes nested arrays of numbers or booleans, or of strings, or an object of such arrays by input name, to tensors:
 * float64, or code points of strings.
 *
 * @returns tensors by input name; null is the key of a single array
 * @throws UserError on invalid JSON, rows of different lengths or values that are not all numbers or all strings
 */
export function decodeJson(bytes: Uint8Array, source: string): Map<string | null, Tensor> {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new UserError(`${source} is not valid JSON: ${errorMessage(error)}`);
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return new Map(
      Object.entries(json).map(([name, value]) => [name, toTensor(value, `${source}, ${name}`)]),
    );
  }
  return new Map([[null, toTensor(json, source)]]);
}

function toTensor(value: unknown, source: string): Tensor {
  const shape: number[] = [];
  for (let inner = value; Array.isArray(inner); inner = inner[0]) {
    shape.push(inner.length);
    if (shape.length > MAX_DEPTH) throw new UserError(`${source} is nested deeper than ${MAX_DEPTH} arrays`);
  }
  const numbers: number[] = [];
  const strings: string[] = [];
  const fill = (part: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (typeof part === 'string' && numbers.length === 0) strings.push(part);
      else if ((typeof part === 'number' || typeof part === 'boolean') && strings.length === 0)
        numbers.push(Number(part));
      else {
        throw new UserError(
          `${source} holds ${describe(part)} where a ${strings.length > 0 ? 'string' : 'number'} is expected`,
        );
      }
    } else if (Array.isArray(part) && part.length === shape[depth]) {
      for (const item of part) fill(item, depth + 1);
    } else {
      throw new UserError(
        `${source} is not a regular array: all rows at one depth must have the same length`,
      );
    }
  };
  fill(value, 0);
  if (strings.length > 0) return encodeStrings(strings, shape);
  return { type: 'float64', shape, data: Float64Array.from(numbers) };
}

/** A value for messages; not its parts, which may be nested deeper than the stack. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value).slice(0, 40);
}
