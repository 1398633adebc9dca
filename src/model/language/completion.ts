import { rowsOf, type TensorData } from '../../tensor/tensor.ts';
import type { NamedTensor } from '../run-result.ts';
import type { TestcaseBatch } from '../testcase-batch.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A prompt and the model's answer to it; decoded to text lazily. */
export class Completion {
  readonly tokenizer: Tokenizer;
  readonly #paddedPrompt: ArrayLike<number>;
  readonly #paddedAnswer: ArrayLike<number>;
  #promptText: string | undefined;
  #answerText: string | undefined;
  #answerIds: readonly number[] | undefined;

  /**
   * @param prompt token ids; negative ones are padding
   * @param answer token ids; negative ones are padding, behind the end
   */
  constructor(tokenizer: Tokenizer, prompt: ArrayLike<number>, answer: ArrayLike<number>) {
    this.tokenizer = tokenizer;
    this.#paddedPrompt = prompt;
    this.#paddedAnswer = answer;
  }

  get prompt(): string {
    this.#promptText ??= this.tokenizer.decode(withoutPadding(this.#paddedPrompt));
    return this.#promptText;
  }

  get answer(): string {
    this.#answerText ??= this.tokenizer.decode(this.ids);
    return this.#answerText;
  }

  /** The answer's token ids. */
  get ids(): readonly number[] {
    this.#answerIds ??= withoutPadding(this.#paddedAnswer);
    return this.#answerIds;
  }

  /** True if the model ended the answer itself; one cut off at the maximum length may end in the middle of a word. */
  get ended(): boolean {
    return this.ids.length < this.#paddedAnswer.length;
  }
}

/**
 * Completions of the first `rows` prompts of a batch; answers are empty where the run only read the prompts.
 *
 * @param outputs of the run: the answers, int32 `[rows, maxTokens]`, are the first of them
 */
export function completionsOf(
  tokenizer: Tokenizer,
  { form, inputs }: TestcaseBatch,
  rows: number,
  outputs: readonly NamedTensor[],
): Completion[] {
  const [prompts] = inputs;
  const [{ size: width }] = form.inputs;
  const [answers] = outputs;
  const [length, answerIds] =
    answers === undefined ? [0, new Int32Array(0)] : [answers.shape[1], tokenIdsOf(answers.data)];
  return Array.from(
    { length: rows },
    (_, row) =>
      new Completion(
        tokenizer,
        rowsOf(tokenIdsOf(prompts), width, row, row + 1),
        rowsOf(answerIds, length, row, row + 1),
      ),
  );
}

/** @throws TypeError if the values are not int32, as token ids are */
export function tokenIdsOf(data: TensorData): Int32Array {
  if (data instanceof Int32Array) return data;
  throw new TypeError('token ids must be int32');
}

function withoutPadding(ids: ArrayLike<number>): number[] {
  return Array.from(ids).filter((id) => id >= 0);
}
