import { UserError } from '../errors.ts';
import { suggestion } from '../suggest.ts';
import { flip } from './flip.ts';
import { gaussian } from './gaussian.ts';
import type { Mutator, MutatorKind } from './mutator.ts';

/** Every mutator there is. */
export const MUTATORS: readonly MutatorKind[] = [gaussian, flip];

/** What leaves an input as its ancestor seed has it. */
export const NONE = 'none';

/**
 * Makes the mutator of a spec such as `gaussian` or `gaussian:sigma=0.05`; undefined for `none`.
 *
 * @throws UserError on an unknown mutator or parameter, or a value that makes no sense
 */
export function makeMutator(spec: string): Mutator | undefined {
  const [name, ...rest] = spec.split(':');
  if (name === NONE) return undefined;
  const names = [...MUTATORS.map((kind) => kind.name), NONE];
  const kind = MUTATORS.find((candidate) => candidate.name === name);
  if (kind === undefined)
    throw new UserError(`--mutator: unknown mutator ${name}: ${suggestion(name, names)}`);
  const values = new Map<string, number>();
  for (const part of rest.join(':').split(',').filter(Boolean)) {
    const [key, text = ''] = part.split('=', 2);
    const parameter = kind.parameters.find((candidate) => candidate.name === key);
    if (parameter === undefined) {
      const known = kind.parameters.map((candidate) => candidate.name);
      throw new UserError(`--mutator: ${name} has no parameter ${key}: ${suggestion(key, known)}`);
    }
    const value = text.trim() === '' ? Number.NaN : Number(text);
    const [low, high] = parameter.between;
    if (!(value > low && value < high)) {
      throw new UserError(
        `--mutator: ${name}:${key} must be a number between ${low} and ${high}, not '${text}'`,
      );
    }
    values.set(key, value);
  }
  return kind.make(values);
}

/** Name of a spec's mutator. */
export function mutatorName(spec: string): string {
  return spec.split(':', 1)[0];
}
