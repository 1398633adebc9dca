import type { DType } from '../tensor/tensor.ts';
import type { ImageFormat } from './image.ts';
import type { Range } from './range.ts';
import type { Column } from './table-column.ts';

/** Domains of inputs that mutators apply to; an input may belong to several. */
export const DOMAINS = [
  'numbers',
  'flags',
  'mask',
  'image',
  'audio',
  'table',
  'splits',
  'tokens',
  'text',
  'strings',
] as const;
export type Domain = (typeof DOMAINS)[number];

/** Names of domains in help and messages. */
export const DOMAIN_LABELS: Readonly<Record<Domain, string>> = {
  numbers: 'numbers',
  flags: 'switches',
  mask: 'masks',
  image: 'images',
  audio: 'audio',
  table: 'tables with columns',
  splits: 'inputs of decision trees',
  tokens: 'tokens',
  text: 'text (tokens with a vocabulary)',
  strings: 'strings',
};

/** An input of token ids. */
export interface TokenDescriptor {
  /** Ids that are never mutated, such as those of beginning and end of sequence. */
  readonly special: readonly number[];
  /** Smallest and largest number of tokens, where the length is dynamic. */
  readonly length: readonly [min: number, max: number];
  /**
   * Padding id, which fills a testcase behind its tokens up to the input's length; undefined without padding. With
   * padding, mutants may have any number of tokens that fits.
   */
  readonly pad?: number | undefined;
  /** Text of each id, null for ids without one; undefined without a vocabulary. */
  readonly vocabulary: readonly (string | null)[] | undefined;
  /** Dictionary words, encoded as ids. */
  readonly dictionary: readonly (readonly number[])[];
}

/** An input of strings, whose values are code points and whose last dimension is a string, padded with zeros. */
export interface StringDescriptor {
  /** Most code points of a string. */
  readonly width: number;
  /** Code points of each string that graph, seeds or dictionary list; of texts, their words. */
  readonly words: readonly (readonly number[])[];
  /** Code points to make other strings of, at least one. */
  readonly alphabet: readonly number[];
  /** Whether strings hold several words. */
  readonly areTexts: boolean;
}

/** Everything mutators and constraints need to know about an input. Plain data, sent between processes. */
export interface InputDescriptor {
  readonly name: string;
  readonly type: DType;
  readonly domains: readonly Domain[];
  /** Values in the largest row. */
  readonly size: number;
  readonly range: Range;
  readonly picture: ImageFormat | undefined;
  readonly columns: readonly Column[] | undefined;
  /** Mask of a row: nonzero where the ancestor's value must stay. */
  readonly fixed: Uint8Array | undefined;
  /** Share of the picks that mutate it; absent for all. */
  readonly pickShare?: number;
  /** Whether there is a latent space of it, which mutators may move in; absent for false. */
  readonly isEncoded?: true;
  readonly tokens: TokenDescriptor | undefined;
  readonly strings?: StringDescriptor | undefined;
  /** Split values of the model's decision trees, ascending, by column; absent where no trees read the input. */
  readonly splits?: readonly (readonly number[])[] | undefined;
}

/** Difference between the ends of an input's scale: of a picture, black and white of the channel where they are nearest. */
export function spanOf({ picture, range }: InputDescriptor): number {
  if (picture === undefined) return range.high - range.low;
  return Math.min(...picture.white.map((white, channel) => Math.abs(white - picture.black[channel])));
}
