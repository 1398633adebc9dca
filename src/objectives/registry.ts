import { UserError } from '../errors.ts';
import { suggestion } from '../suggest.ts';
import { nonfinite } from './nonfinite.ts';
import type { Objective, ObjectiveKind } from './objective.ts';

/** Every objective there is. */
export const OBJECTIVES: readonly ObjectiveKind[] = [nonfinite];

/** The specs of a campaign's setting, each once. */
export function objectiveSpecs(
  setting: string | readonly string[] | Readonly<Record<string, string>>,
): string[] {
  return [...new Set(typeof setting === 'string' ? [setting] : Object.values(setting))];
}

/**
 * Makes the objectives of a campaign's setting.
 *
 * @throws UserError on an unknown one
 */
export function makeObjectives(setting: Parameters<typeof objectiveSpecs>[0]): Objective[] {
  return objectiveSpecs(setting).map(makeObjective);
}

/**
 * Makes the objective of a spec.
 *
 * @throws UserError on an unknown one
 */
export function makeObjective(spec: string): Objective {
  const kind = OBJECTIVES.find((candidate) => candidate.name === spec);
  if (kind === undefined) {
    const names = OBJECTIVES.map((candidate) => candidate.name);
    throw new UserError(`--objective: unknown objective ${spec}: ${suggestion(spec, names)}`);
  }
  return kind.make();
}
