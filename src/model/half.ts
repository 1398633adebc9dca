/** A floating-point format of 16 bits. */
export type HalfFormat = 'float16' | 'bfloat16';

/** The largest finite number of each format. */
export const HALF_MAX: Readonly<Record<HalfFormat, number>> = {
  float16: 65504,
  bfloat16: (2 - 2 ** -7) * 2 ** 127,
};

/** How sums are added up where half precision is emulated. */
export interface HalfSettings {
  /** What each partial sum is rounded to. */
  readonly accumulate: HalfFormat | 'float32';
  /** Sums that are added up side by side, the k-th term to sum k modulo `lanes`, and then pairwise; a power of two. */
  readonly lanes: number;
  /** Terms that are added in single precision before a partial sum is rounded; undefined for as few as is tractable. */
  readonly block?: number | undefined;
}

/** Whether half precision is emulated: where a model computes in it, nowhere, or so and with these sums. */
export type HalfChoice = 'auto' | 'off' | HalfSettings;

const ROUNDED_RESULTS: HalfSettings = { accumulate: 'float32', lanes: 1 };

/** The settings of a choice; undefined where nothing is emulated. */
export function halfSettings(choice: HalfChoice | undefined): HalfSettings | undefined {
  if (choice === undefined || choice === 'off') return undefined;
  return choice === 'auto' ? ROUNDED_RESULTS : choice;
}

/** Emulated half precision as a model computes in it. Plain data. */
export interface HalfArithmetic {
  /** What the result of every operation is rounded to. */
  readonly format: HalfFormat;
  readonly accumulate: HalfSettings['accumulate'];
  readonly lanes: number;
  /** Number of operations whose partial sums are rounded. */
  readonly partialSums: number;
  /** Operations of those, by name, of which so many terms are added in single precision before a sum is rounded. */
  readonly blocks: Readonly<Record<string, number>>;
  /** Names of operations that add up in single precision although `accumulate` is narrower: their result alone is rounded. */
  readonly roundedOnce: readonly string[];
}

/** Emulated half precision for people, as a clause. */
export function halfText({ format, accumulate, lanes, partialSums, roundedOnce }: HalfArithmetic): string {
  const results = `half precision is emulated, results rounded to ${format}`;
  if (accumulate === 'float32') return `${results}, sums added up in float32`;
  const order = lanes === 1 ? '' : ` in ${lanes} lanes`;
  const rest = roundedOnce.length === 0 ? '' : `, of ${roundedOnce.length} others the result alone`;
  return `${results}, the partial sums of ${partialSums} operations to ${accumulate}${order}${rest}`;
}
