import type { DType } from '../tensor/tensor.ts';
import type { ImageFormat } from './image.ts';
import type { Range } from './range.ts';
import type { Column } from './table-column.ts';

/** What mutators can be for: kinds of inputs, of which one input may be several. */
export const DOMAINS = ['numbers', 'flags', 'image', 'table', 'tokens', 'text'] as const;
export type Domain = (typeof DOMAINS)[number];

/** How people call an input of a domain. */
export const DOMAIN_LABELS: Readonly<Record<Domain, string>> = {
  numbers: 'numbers',
  flags: 'switches',
  image: 'images',
  table: 'tables with columns',
  tokens: 'tokens',
  text: 'text (tokens with a vocabulary)',
};

/** What is known of an input of token ids. */
export interface TokenDescriptor {
  /** Ids that are never changed, such as those that begin and end a sequence. */
  readonly special: readonly number[];
  /** Fewest and most tokens where the model leaves the length open. */
  readonly length: readonly [least: number, most: number];
  /**
   * The id of places that hold no token, all of them behind the tokens; undefined where every place holds one. A testcase
   * may then be of any length for which there is room.
   */
  readonly pad?: number | undefined;
  /** What each id stands for, null for none; undefined where nobody says. */
  readonly vocabulary: readonly (string | null)[] | undefined;
  /** Words of the user's dictionary as ids. */
  readonly dictionary: readonly (readonly number[])[];
}

/** What mutators and constraints know of an input: plain data. */
export interface InputDescriptor {
  readonly name: string;
  readonly type: DType;
  readonly domains: readonly Domain[];
  /** Values in the largest row. */
  readonly size: number;
  readonly range: Range;
  readonly picture: ImageFormat | undefined;
  readonly columns: readonly Column[] | undefined;
  /** Positions that keep the ancestor's value: those that are not 0. */
  readonly fixed: Uint8Array | undefined;
  readonly tokens: TokenDescriptor | undefined;
}
