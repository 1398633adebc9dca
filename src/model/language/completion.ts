import type { Language } from './tokenizer.ts';

/** A prompt and what the model said to it; texts are written out when they are asked for. */
export class Said {
  readonly language: Language;
  readonly #prompt: ArrayLike<number>;
  readonly #answer: ArrayLike<number>;
  #texts: { prompt?: string; answer?: string } = {};
  #ids: readonly number[] | undefined;

  /**
   * @param prompt ids, below 0 for places that hold none
   * @param answer ids, below 0 behind its end
   */
  constructor(language: Language, prompt: ArrayLike<number>, answer: ArrayLike<number>) {
    this.language = language;
    this.#prompt = prompt;
    this.#answer = answer;
  }

  get prompt(): string {
    this.#texts.prompt ??= this.language.decode(tokensOf(this.#prompt));
    return this.#texts.prompt;
  }

  get answer(): string {
    this.#texts.answer ??= this.language.decode([...this.ids]);
    return this.#texts.answer;
  }

  /** The answer's tokens. */
  get ids(): readonly number[] {
    this.#ids ??= tokensOf(this.#answer);
    return this.#ids;
  }

  /** Whether the model itself came to an end: what was cut off may end in the midst of a word. */
  get ended(): boolean {
    return this.ids.length < this.#answer.length;
  }
}

function tokensOf(ids: ArrayLike<number>): number[] {
  return Array.from(ids).filter((id) => id >= 0);
}
