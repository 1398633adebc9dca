import type { Tokenizer } from './tokenizer.ts';

/** A prompt and what the model said to it; texts are written out when they are asked for. */
export class Completion {
  readonly tokenizer: Tokenizer;
  readonly #paddedPrompt: ArrayLike<number>;
  readonly #paddedAnswer: ArrayLike<number>;
  #texts: { prompt?: string; answer?: string } = {};
  #answerIds: readonly number[] | undefined;

  /**
   * @param prompt ids, below 0 for places that hold none
   * @param answer ids, below 0 behind its end
   */
  constructor(language: Tokenizer, prompt: ArrayLike<number>, answer: ArrayLike<number>) {
    this.tokenizer = language;
    this.#paddedPrompt = prompt;
    this.#paddedAnswer = answer;
  }

  get prompt(): string {
    this.#texts.prompt ??= this.tokenizer.decode(withoutPadding(this.#paddedPrompt));
    return this.#texts.prompt;
  }

  get answer(): string {
    this.#texts.answer ??= this.tokenizer.decode([...this.ids]);
    return this.#texts.answer;
  }

  /** The answer's tokens. */
  get ids(): readonly number[] {
    this.#answerIds ??= withoutPadding(this.#paddedAnswer);
    return this.#answerIds;
  }

  /** Whether the model itself came to an end: what was cut off may end in the midst of a word. */
  get ended(): boolean {
    return this.ids.length < this.#paddedAnswer.length;
  }
}

function withoutPadding(ids: ArrayLike<number>): number[] {
  return Array.from(ids).filter((id) => id >= 0);
}
