import { copyInto, type DType, makeData, rowsOf, type TensorData } from '../../tensor/tensor.ts';
import type { NamedTensor } from '../run-result.ts';
import type { DecodingSession } from './decoding-session.ts';
import { AFTER_PROMPT_PREFIX } from './generation.ts';
import { type IoBinding, stateOutputs } from './io-binding.ts';

interface WatchedTensor {
  readonly data: TensorData;
  /** Values in one row. */
  readonly size: number;
}

/** Collects watched tensors of a batch whose rows are decoded in groups and end at different steps. */
export class WatchedRows {
  readonly #outputs: ReadonlySet<string>;
  readonly #rows: number;
  readonly #tensors = new Map<string, WatchedTensor>();

  /** @param rows of the whole batch */
  constructor(binding: IoBinding, rows: number) {
    this.#outputs = new Set([...stateOutputs(binding), binding.logits]);
    this.#rows = rows;
  }

  /**
   * Records tensors at the last token of some of a session's rows.
   *
   * @param indices rows of the session
   * @param rows rows of the batch, one for each of `indices`
   */
  async record(
    session: DecodingSession,
    indices: readonly number[],
    rows: readonly number[],
    watched: readonly string[],
  ): Promise<void> {
    const names = watched.map(withoutPrefix);
    const inner = names.filter((name) => !this.#outputs.has(name));
    const innerValues = inner.length === 0 ? [] : await session.watch(inner);
    watched.forEach((name, i) => {
      const values = toNumbers(
        this.#outputs.has(names[i]) ? session.output(names[i]) : innerValues[inner.indexOf(names[i])],
      );
      const { data, size } = this.#tensorFor(name, values, values.length / session.rows);
      indices.forEach((index, k) => {
        copyInto(data, rowsOf(values, size, index, index + 1), rows[k] * size);
      });
    });
  }

  /** A tensor that was recorded for every row, `[rows, size]`. */
  tensor(name: string): NamedTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new Error(`tensor ${name} was not recorded`);
    const { data, size } = tensor;
    return { name, type: floatTypeOf(data), shape: [this.#rows, size], data };
  }

  #tensorFor(name: string, values: TensorData, size: number): WatchedTensor {
    let tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      tensor = { data: makeData(floatTypeOf(values), this.#rows * size), size };
      this.#tensors.set(name, tensor);
    }
    return tensor;
  }
}

export function isAfterPrompt(name: string): boolean {
  return name.startsWith(AFTER_PROMPT_PREFIX);
}

function withoutPrefix(name: string): string {
  return isAfterPrompt(name) ? name.slice(AFTER_PROMPT_PREFIX.length) : name;
}

/** Coverage takes floating-point tensors: 64-bit integers become float32. */
function toNumbers(values: TensorData): TensorData {
  return values instanceof BigInt64Array || values instanceof BigUint64Array
    ? Float32Array.from(values as Iterable<bigint>, Number)
    : values;
}

function floatTypeOf(data: TensorData): DType {
  return data instanceof Uint16Array ? 'float16' : data instanceof Float64Array ? 'float64' : 'float32';
}
