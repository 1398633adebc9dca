import { errorMessage, UserError } from '../../core/errors.ts';
import { sizeOf, type Tensor } from '../../tensor/tensor.ts';

/** Largest number of dimensions, as in NumPy. */
const MAX_DEPTH = 64;

/**
 * Decodes nested arrays of numbers or booleans, or an object of such arrays by input name, to float64 tensors.
 *
 * @returns tensors by input name; null is the key of a single array
 * @throws UserError on invalid JSON, rows of different lengths or a value that is not a number
 */
export function decodeJson(bytes: Uint8Array, source: string): Map<string | null, Tensor> {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new UserError(`${source} is no valid JSON: ${errorMessage(error)}`);
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
  const data = new Float64Array(sizeOf(shape));
  let at = 0;
  const fill = (part: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (typeof part !== 'number' && typeof part !== 'boolean') {
        throw new UserError(
          `${source} holds ${JSON.stringify(part)?.slice(0, 40)} where a number is expected`,
        );
      }
      data[at++] = Number(part);
    } else if (Array.isArray(part) && part.length === shape[depth]) {
      for (const item of part) fill(item, depth + 1);
    } else {
      throw new UserError(`${source} is no regular array: all rows of one depth must be of one length`);
    }
  };
  fill(value, 0);
  return { type: 'float64', shape, data };
}
