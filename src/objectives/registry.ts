import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { parseObjectiveSettings } from '../extensions/parameters.ts';
import { assertion } from './assert.ts';
import { differential, quantization } from './differential.ts';
import { metamorphic } from './metamorphic.ts';
import { misclassified } from './misclassified.ts';
import { nonfinite } from './nonfinite.ts';
import type { Objective, ObjectiveKind } from './objective.ts';
import { loadObjectivePlugin } from './plugin.ts';
import { slow } from './slow.ts';
import { listObjectiveSpecs, parseObjectiveSpec } from './spec.ts';
import { text } from './text/text-objective.ts';

export { listObjectiveSpecs as objectiveSpecs };

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
        `--objective: two objectives are called ${one.name}: give one another name, as ${parseObjectiveSpec(spec).kind}:name=other,…`,
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
  const { kind, isModule } = parseObjectiveSpec(spec);
  return isModule ? makeFromKind(await loadObjectivePlugin(kind), spec) : makeBuiltIn(spec);
}

/**
 * Makes one of our own objectives.
 *
 * @throws UserError on an unknown one, or parameters that make no sense
 */
export function makeBuiltIn(spec: string): Objective {
  return makeFromKind(findBuiltIn(parseObjectiveSpec(spec).kind), spec);
}

function makeFromKind(kind: ObjectiveKind, spec: string): Objective {
  const { kind: name, settingsText } = parseObjectiveSpec(spec);
  return kind.make(parseObjectiveSettings(name, kind.parameters, settingsText, kind.text !== undefined));
}

/** Refuses specs that can be told to be wrong without loading anything. @throws UserError as `makeObjective` */
export async function checkBuiltIns(specs: readonly string[]): Promise<void> {
  await makeObjectives(specs.filter((spec) => !parseObjectiveSpec(spec).isModule));
}

/** Whether an objective, by its name or its spec, compares the model with a second one. Crashes and hangs have none. */
export function comparesModels(spec: string): boolean {
  const { kind: name } = parseObjectiveSpec(spec);
  return OBJECTIVES.some((kind) => kind.name === name && kind.needsSecondModel === true);
}

function findBuiltIn(name: string): ObjectiveKind {
  const kind = OBJECTIVES.find((candidate) => candidate.name === name);
  if (kind !== undefined) return kind;
  if (/[<>=]/.test(name))
    throw new UserError(`--objective: write assert: before what must hold, as 'assert:${name}'`);
  const names = OBJECTIVES.map((candidate) => candidate.name);
  throw new UserError(`--objective: unknown objective ${name}: ${suggestName(name, names)}`);
}
