import type { Tensor } from '../../tensor/tensor.ts';
import type { RunResult } from '../run-result.ts';
import type { Tokenizer } from './tokenizer.ts';

/** How a model goes on with texts: plain data. */
export interface GenerationSettings {
  /** Path of the vocabulary, or what `readLanguage` takes in its place. */
  readonly vocabulary: string;
  /** Most tokens of an answer. */
  readonly length: number;
  /** What logits are divided by before a token is drawn; 0 takes the likeliest. */
  readonly temperature: number;
  /** Of how many of the likeliest tokens one is drawn; all, where nobody says. */
  readonly topK?: number | undefined;
  readonly seed: string;
  /** Tokens that come before every prompt, as ids or by what they stand for. */
  readonly start: readonly (number | string)[];
  /** Tokens that end an answer. */
  readonly end: readonly (number | string)[];
  readonly tokens?: string | undefined;
  readonly logits?: string | undefined;
  readonly states?: Readonly<Record<string, string>> | undefined;
}

/** A text that a model might go on with. */
export interface CandidateContinuation {
  readonly ids: readonly number[];
  /** Which of them count: from this one on. */
  readonly scoredFrom: number;
  /** What has to come next; absent where that does not matter. */
  readonly followedBy?: ((id: number) => boolean) | undefined;
  /** Natural logarithm of the share below which it does not matter how likely it is: it is not followed to its end then. */
  readonly minLogProb?: number | undefined;
}

/** What a model that goes on with texts can be asked beside runs. */
export interface TextGeneration {
  readonly tokenizer: Tokenizer;
  /** Most tokens of an answer. */
  readonly maxTokens: number;
  /** Tokens that the model knows. */
  readonly vocabularySize: number;
  /** Tokens that it has said, or was asked how likely they are, since it was loaded. */
  readonly generatedTokens: number;
  /** Tells whether two go on alike with the same model. */
  readonly sha256: string;
  /** How it goes on with texts, a clause for people. */
  readonly description: string;
  /** The tensor that tells most of a text, for coverage, and why that one. */
  readonly defaultCoverage: { readonly tensor: string; readonly why: string };
  /**
   * Takes in prompts and answers nothing: all that `follow` needs, and tensors that are watched right after the prompt.
   *
   * @param prompts `[rows, length]` as a run takes them
   */
  prefill(prompts: Tensor, watched: readonly string[]): Promise<RunResult>;
  /**
   * How likely the model is to go on with certain texts right after its prompts.
   *
   * @param prompted of a run
   * @param wanted for each row of the run what to look at; undefined for none
   * @returns for each row the natural logarithm of the share; NaN where nothing was looked at, and where that fell below the
   *   least that matters
   */
  scoreContinuations(
    prompted: unknown,
    wanted: readonly (CandidateContinuation | undefined)[],
  ): Promise<Float64Array>;
}

/** Name of the input of prompts: ids, and below 0 for places that hold none. */
export const PROMPT = 'prompt';

/** Name of the output of answers: ids, and below 0 behind their ends. */
export const ANSWER = 'answer';

/** Name of the output of how likely each token of an answer was, as natural logarithms; 0 behind their ends. */
export const LOG_PROBS = 'chosen';

/** Says of a tensor that it is looked at right after the prompt, and not at the end of the answer. */
export const AFTER_PROMPT_PREFIX = 'prompt/';

/** Stands in a prompt for a place that holds no token. */
export const NO_TOKEN = -1;
