import { UserError } from '../errors.ts';
import { suggestion } from '../suggest.ts';
import { differential, quantization } from './differential.ts';
import { nonfinite } from './nonfinite.ts';
import type { Objective, ObjectiveKind } from './objective.ts';
import { readValues } from './parameters.ts';

/** Every objective there is. */
export const OBJECTIVES: readonly ObjectiveKind[] = [nonfinite, quantization, differential];

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
  const { kind, parameters } = kindOf(spec);
  return kind.make(readValues(kind.name, kind.parameters, parameters));
}

/** Whether an objective, by its name or its spec, compares the model with a second one. Crashes and hangs have none. */
export function comparesModels(spec: string): boolean {
  const [name] = spec.split(':', 1);
  return OBJECTIVES.some((kind) => kind.name === name && kind.compares === true);
}

function kindOf(spec: string): { readonly kind: ObjectiveKind; readonly parameters: string | undefined } {
  const [, name, parameters] = /^([^:]*):?(.*)$/s.exec(spec) ?? [];
  const kind = OBJECTIVES.find((candidate) => candidate.name === name);
  if (kind === undefined) {
    const names = OBJECTIVES.map((candidate) => candidate.name);
    throw new UserError(`--objective: unknown objective ${name}: ${suggestion(name ?? '', names)}`);
  }
  return { kind, parameters };
}
