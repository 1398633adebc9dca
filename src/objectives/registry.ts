import { suggestion } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { readSettings } from '../extensions/parameters.ts';
import { assertion } from './assert.ts';
import { differential, quantization } from './differential.ts';
import { metamorphic } from './metamorphic.ts';
import { misclassified } from './misclassified.ts';
import { nonfinite } from './nonfinite.ts';
import type { Objective, ObjectiveKind } from './objective.ts';
import { loadObjectivePlugin } from './plugin.ts';
import { slow } from './slow.ts';
import { objectiveSpec, objectiveSpecs } from './spec.ts';
import { text } from './text/text-objective.ts';

export { objectiveSpecs };

/** Every objective there is. */
export const OBJECTIVES: readonly ObjectiveKind[] = [
  nonfinite,
  quantization,
  differential,
  assertion,
  metamorphic,
  misclassified,
  slow,
  text,
];

/**
 * Makes the objectives of a campaign.
 *
 * @throws UserError on an unknown one, or two of one name
 */
export async function makeObjectives(specs: readonly string[]): Promise<Objective[]> {
  const made: Objective[] = [];
  for (const spec of specs) {
    const one = await makeObjective(spec);
    if (made.some(({ name }) => name === one.name))
      throw new UserError(
        `--objective: two objectives are called ${one.name}: give one another name, as ${objectiveSpec(spec).kind}:name=other,…`,
      );
    made.push(one);
  }
  return made;
}

/**
 * Makes the objective of a spec.
 *
 * @throws UserError on an unknown one, on parameters that make no sense, or a plug-in that is none
 */
export async function makeObjective(spec: string): Promise<Objective> {
  const { kind, isModule } = objectiveSpec(spec);
  return isModule ? made(await loadObjectivePlugin(kind), spec) : makeBuiltIn(spec);
}

/**
 * Makes one of our own objectives.
 *
 * @throws UserError on an unknown one, or parameters that make no sense
 */
export function makeBuiltIn(spec: string): Objective {
  return made(builtIn(objectiveSpec(spec).kind), spec);
}

function made(kind: ObjectiveKind, spec: string): Objective {
  const { kind: name, rest } = objectiveSpec(spec);
  return kind.make(readSettings(name, kind.parameters, rest, kind.text !== undefined));
}

/** Refuses specs that can be told to be wrong without loading anything. @throws UserError as `makeObjective` */
export async function checkBuiltIn(specs: readonly string[]): Promise<void> {
  await makeObjectives(specs.filter((spec) => !objectiveSpec(spec).isModule));
}

/** Whether an objective, by its name or its spec, compares the model with a second one. Crashes and hangs have none. */
export function comparesModels(spec: string): boolean {
  const { kind: name } = objectiveSpec(spec);
  return OBJECTIVES.some((kind) => kind.name === name && kind.compares === true);
}

function builtIn(name: string): ObjectiveKind {
  const kind = OBJECTIVES.find((candidate) => candidate.name === name);
  if (kind !== undefined) return kind;
  if (/[<>=]/.test(name))
    throw new UserError(`--objective: write assert: before what must hold, as 'assert:${name}'`);
  const names = OBJECTIVES.map((candidate) => candidate.name);
  throw new UserError(`--objective: unknown objective ${name}: ${suggestion(name, names)}`);
}
