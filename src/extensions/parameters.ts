import { UserError } from '../core/errors.ts';

/** A number that a spec may set, as in `gaussian:sigma=0.05`. */
export interface Parameter {
  readonly name: string;
  /** One line for people: the effect, and the unit or what the value is relative to. */
  readonly help: string;
  /** The value where the spec sets none. Absent where not setting it has a meaning of its own. */
  readonly default?: number;
  /** The smallest and the largest legal value, both included; `Infinity` where there is no largest. */
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
}

/** A parameter that always has a value. */
export interface DefaultedParameter extends Parameter {
  readonly default: number;
}

/** The values of a kind's parameters: as the spec sets them, else their defaults. */
export interface ParameterValues {
  (parameter: Pick<DefaultedParameter, 'name' | 'default'>): number;
  (parameter: Pick<Parameter, 'name'>): number | undefined;
}

/** The values of parameters of which some were set, by name. */
export function parameterValues(set: ReadonlyMap<string, number> = new Map()): ParameterValues {
  function value(parameter: Pick<DefaultedParameter, 'name' | 'default'>): number;
  function value(parameter: Pick<Parameter, 'name'>): number | undefined;
  function value(parameter: Pick<Parameter, 'name' | 'default'>): number | undefined {
    return set.get(parameter.name) ?? parameter.default;
  }
  return value;
}

/** The legal values of a parameter in words: `from 1 to 100`, or `of at least 0`. */
export function describeBounds({ min, max }: Pick<Parameter, 'min' | 'max'>): string {
  return Number.isFinite(max) ? `from ${min} to ${max}` : `of at least ${min}`;
}

/** The bounds as JSON prints them: `null` for an infinite one. */
export function boundsJson({ min, max }: Pick<Parameter, 'min' | 'max'>): (number | null)[] {
  return [min, max].map((bound) => (Number.isFinite(bound) ? bound : null));
}

/**
 * Parses the text that a spec or a flag gives a parameter.
 *
 * @param where the flag and the parameter, for the message
 * @throws UserError if it is not a number, or lies outside the bounds
 */
export function parseParameterValue(where: string, parameter: Parameter, text: string): number {
  const { min, max, integer = false } = parameter;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max && (!integer || Number.isInteger(value))) return value;
  throw new UserError(
    `${where} must be a ${integer ? 'whole ' : ''}number ${describeBounds(parameter)}, not '${text}'`,
  );
}
