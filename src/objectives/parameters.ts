import { UserError } from '../errors.ts';
import { suggestion } from '../suggest.ts';

/** A parameter of an objective, as users may set it: `quantization:atol=0.01`. */
export interface ObjectiveParameter {
  readonly name: string;
  /** What it does, and in which unit. */
  readonly help: string;
  /** Legal values, both ends included. */
  readonly between: readonly [low: number, high: number];
  readonly whole?: boolean;
}

/** The parameters that were set, by name. */
export type ObjectiveValues = Readonly<Partial<Record<string, number>>>;

/**
 * Takes a spec such as `quantization:atol=0.01,rtol=0.1` apart.
 *
 * @throws UserError on an unknown parameter or a value that makes no sense
 */
export function readValues(
  name: string,
  parameters: readonly ObjectiveParameter[],
  text: string | undefined,
): ObjectiveValues {
  const values: Partial<Record<string, number>> = {};
  for (const part of (text ?? '').split(',').filter(Boolean)) {
    const [key, given = ''] = part.split('=', 2);
    const parameter = parameters.find((candidate) => candidate.name === key);
    if (parameter === undefined) {
      const known = parameters.map((candidate) => candidate.name);
      const hint = known.length === 0 ? 'it has none' : suggestion(key, known);
      throw new UserError(`--objective: ${name} has no parameter ${key}: ${hint}`);
    }
    values[key] = checkValue(`--objective: ${name}:${key}`, parameter, given);
  }
  return values;
}

/**
 * The number that a text gives a parameter.
 *
 * @throws UserError where it is none, or out of bounds
 */
export function checkValue(where: string, { between, whole }: ObjectiveParameter, given: string): number {
  const value = given.trim() === '' ? Number.NaN : Number(given);
  const [low, high] = between;
  if (value >= low && value <= high && (whole !== true || Number.isInteger(value))) return value;
  const bounds = Number.isFinite(high) ? `from ${low} to ${high}` : `of at least ${low}`;
  throw new UserError(`${where} must be a ${whole === true ? 'whole ' : ''}number ${bounds}, not '${given}'`);
}
