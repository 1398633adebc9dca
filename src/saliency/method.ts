import type { Random } from '../core/random.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { MapGeometry, SaliencyMap } from './map.ts';

/** What is explained, and how. Plain data, sent between processes. */
export interface ExplainContext {
  /** Master seed. */
  readonly seed: string;
  /** The explained input, and its place among the model's. */
  readonly descriptor: InputDescriptor;
  readonly position: number;
  /** The tensor that holds a score for each class. */
  readonly scores: string;
  /** What stands for the absence of a value; the low end of its scale by default. */
  readonly baseline: number | undefined;
}

/** An input with the class whose score is explained. */
export interface ExplainedInput {
  /** Its number among the seeds: draws are keyed by it. */
  readonly index: number;
  readonly data: TestcaseData;
  readonly classIndex: number;
}

/** A point at which the model is asked: values of the explained input in place of the testcase's. */
export interface Point {
  readonly input: ExplainedInput;
  /** A value for each of the explained input; the testcase's where absent. */
  readonly values?: ArrayLike<number>;
  /** In place of what its tokens are looked up as: vectors, `[tokens, width]`. For gradients alone. */
  readonly vectors?: ArrayLike<number>;
}

/** How a gradient is taken. */
export interface GradientOptions {
  /** Whether each Relu passes a gradient on only where it is positive, beside where its operand is: guided backpropagation. */
  readonly isGuided?: boolean;
}

/** The activation of a convolution, and the gradient of the score with respect to it. */
export interface FeatureMaps {
  /** `[maps, height · width]` each. */
  readonly activation: Float32Array;
  readonly gradient: Float32Array;
  readonly maps: number;
  readonly height: number;
  readonly width: number;
}

/** How much each key of a block of attention is looked at. */
export interface ReceivedAttention {
  /** The mean weight over heads and queries, one for each key. */
  readonly values: Float64Array;
  /** The softmax of the block. */
  readonly block: string;
}

/** Asks the model about the score of each input's class. */
export interface ScoreOracle {
  scores(points: readonly Point[]): Promise<Float64Array>;
  /**
   * Gradients of the scores with respect to the explained input, a value for each of it; of tokens with respect to what is looked up for
   * them, `[tokens, width]`.
   */
  gradients(points: readonly Point[], options?: GradientOptions): Promise<readonly Float32Array[]>;
  /** What the tokens of each point are looked up as, `[tokens, width]`. */
  lookups(points: readonly Point[]): Promise<readonly Float32Array[]>;
  /** Of the last convolution. */
  featureMaps(input: ExplainedInput): Promise<FeatureMaps>;
  /** Of the last block of attention before the scores. */
  attention(input: ExplainedInput): Promise<ReceivedAttention>;
}

/** What is known of one input beside the model. */
export interface MethodContext {
  readonly geometry: MapGeometry;
  /** Values of the explained input. */
  readonly values: Float64Array;
  /** Of each value: what stands for its absence, and the span of its scale. */
  readonly baseline: Float64Array;
  readonly span: number;
  /** Whether they are tokens, which are looked up: gradients are with respect to vectors. */
  readonly areTokens: boolean;
  /** Steps of a path, where they were found before; undefined where they are to be found. */
  readonly steps: number | undefined;
  /** The stream of draws of this input. */
  readonly random: Random;
}

/** A map, or why there is none. */
export type Explanation =
  | {
      readonly map: SaliencyMap;
      /** Steps of a path, to be taken again on other models. */
      readonly steps?: number;
      /** Distance of the sum of the map from what it should be, as a share of that. */
      readonly gap?: number;
    }
  | { readonly refusal: string };

/** What a method needs of a model; `slopes` are gradients at other values, or other vectors that tokens are looked up as. */
export type Need = 'gradients' | 'slopes' | 'rectifier' | 'convolution' | 'numbers' | 'attention';

/** Says for each place of an input how much it matters to the score of a class. */
export interface SaliencyMethod {
  readonly name: string;
  readonly help: string;
  /** Paper that it is from. */
  readonly source: string;
  readonly needs: readonly Need[];
  /** Whether it draws random numbers. */
  readonly isRandom?: boolean;
  /** Whether it never asks the model: it shows what the metrics say of such a map. */
  readonly isControl?: boolean;
  /** Whether it says what the model reads, whatever the class: reports show it, and what the check says of it. */
  readonly isReading?: boolean;
  /** @throws Error where the model has no gradients that it needs */
  explain(input: ExplainedInput, context: MethodContext, oracle: ScoreOracle): Promise<Explanation>;
}
