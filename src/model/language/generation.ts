import type { Tensor } from '../../tensor/tensor.ts';
import type { TokenReplacements } from '../gradients/gradient.ts';
import type { RunResult } from '../run-result.ts';
import type { CandidateContinuation } from './prefilled-prompts.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Settings of text generation, as plain data. */
export interface GenerationSettings {
  /** Path of the vocabulary, or another value that `readTokenizer` takes. */
  readonly vocabulary: string;
  /** Maximum number of tokens of an answer. */
  readonly length: number;
  /** Divisor of the logits before a token is sampled; 0 decodes greedily. */
  readonly temperature: number;
  /** Number of likeliest tokens to sample from; all by default. */
  readonly topK?: number | undefined;
  readonly seed: string;
  /** Tokens put before every prompt, as ids or as text. */
  readonly start: readonly (number | string)[];
  /** Tokens that end an answer, as ids or as text. */
  readonly end: readonly (number | string)[];
  readonly tokens?: string | undefined;
  readonly logits?: string | undefined;
  readonly states?: Readonly<Record<string, string>> | undefined;
}

/** Capability of a model that completes prompts. */
export interface TextGeneration {
  readonly tokenizer: Tokenizer;
  /** Maximum number of tokens of an answer. */
  readonly maxTokens: number;
  /** Number of tokens that the model knows. */
  readonly vocabularySize: number;
  /** Tokens generated, or scored for likelihood, since the model was loaded. */
  readonly generatedTokens: number;
  /** Tokens that the network read since the model was loaded, each as often as it ran, other than for gradients. */
  readonly readTokens: number;
  /** Hash of all that decides on answers but the model itself: settings and tokenizer. */
  readonly sha256: string;
  /** Way of decoding, a clause for messages. */
  readonly description: string;
  /** Weights that one token multiplies: those of the network, for each token of the window that is run again with it. */
  readonly weightsPerToken: number;
  /** The tensor that coverage watches by default, and the reason for it. */
  readonly defaultCoverage: { readonly tensor: string; readonly why: string };
  /**
   * Reads prompts without answering them.
   *
   * @param prompts int32 `[rows, length]`, padded with `NO_TOKEN`
   * @param watched tensors at the end of the prompt
   * @returns no outputs, the watched tensors as `[rows, size]`, and the prefilled prompts
   */
  prefill(prompts: Tensor, watched: readonly string[]): Promise<RunResult>;
  /** Whether the network can be differentiated. */
  readonly isDifferentiable: boolean;
  /**
   * The tokens that those of prompts are best replaced by, to the first order, so that the model gets likelier to continue them in a
   * wanted way. The order of rows and positions is that of `prompts`; forecasts are in halvings of the improbability.
   *
   * @param prompts int32 `[rows, length]`, padded with `NO_TOKEN`
   * @param continuations of each row; undefined where none is wanted
   * @param barred of each token, −∞ where it may not be chosen, else 0
   * @param count of replacements of a token
   * @throws NoGradientError if there is no gradient
   * @throws Error if the runtime fails a run
   */
  promptReplacements(
    prompts: Tensor,
    continuations: readonly (CandidateContinuation | undefined)[],
    barred: Float32Array,
    count: number,
  ): Promise<TokenReplacements>;
}

/** Name of the input of prompts: int32 token ids `[rows, length]`, padded with `NO_TOKEN`. */
export const PROMPT = 'prompt';

/** Name of the output of answers: int32 token ids `[rows, maxTokens]`, padded with `NO_TOKEN` behind their ends. */
export const ANSWER = 'answer';

/** Name of the output of each answer token's log-probability, float32 `[rows, maxTokens]`, natural; 0 behind the end. */
export const LOG_PROBS = 'chosen';

/** Prefix of tensors that are watched at the end of the prompt instead of the end of the answer. */
export const AFTER_PROMPT_PREFIX = 'prompt/';

/** Padding in prompts and answers. */
export const NO_TOKEN = -1;
