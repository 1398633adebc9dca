import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { Registry, type ResolvedExtension } from '../extensions/registry.ts';
import { checkInstanceName } from '../extensions/settings.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import { assertion } from './assert.ts';
import { attentionLaw } from './attention/attention-law.ts';
import { confidentError } from './confident-error.ts';
import { consistent } from './consistent.ts';
import { differential, quantization } from './differential.ts';
import { metamorphic } from './metamorphic.ts';
import { defence, misclassified, universal } from './misclassified.ts';
import { nonfinite } from './nonfinite.ts';
import type { Objective, ObjectiveKind } from './objective.ts';
import { loadObjectivePlugin } from './plugin.ts';
import { randomLayersOf, saliencyInsensitive } from './saliency/saliency-insensitive.ts';
import { slow } from './slow.ts';
import { text } from './text/text-objective.ts';

/** The built-in objectives, and how specs of `--objective` are resolved. */
export const OBJECTIVES = new Registry<ObjectiveKind>({
  flag: '--objective',
  noun: 'objective',
  kinds: [
    nonfinite,
    quantization,
    differential,
    assertion,
    metamorphic,
    misclassified,
    confidentError,
    defence,
    universal,
    consistent,
    saliencyInsensitive,
    attentionLaw,
    slow,
    text,
  ],
  takesName: true,
  loadPlugin: loadObjectivePlugin,
});

/** The specs of a campaign's setting, each once. A mapping gives each of them a name. */
export function objectiveSpecs(setting: CampaignConfig['objective']): string[] {
  if (typeof setting === 'string') return [setting];
  if (Array.isArray(setting)) return [...new Set(setting)];
  return Object.entries(setting).map(([name, spec]) => {
    const { name: kind, settings } = parseExtensionSpec(spec);
    return `${kind}:name=${checkInstanceName(`--objective: ${kind}:name`, name)}${settings === '' ? '' : `,${settings}`}`;
  });
}

/**
 * Makes the objectives of a campaign.
 *
 * @throws UserError as `makeObjective`, and if two have one name
 */
export async function makeObjectives(specs: readonly string[]): Promise<Objective[]> {
  const objectives: Objective[] = [];
  for (const spec of specs) {
    const objective = await makeObjective(spec);
    if (objectives.some(({ name }) => name === objective.name))
      throw new UserError(
        `--objective: two objectives are called ${objective.name}: give one another name, as ${parseExtensionSpec(spec).name}:name=other,…`,
      );
    objectives.push(objective);
  }
  return objectives;
}

/**
 * Makes the objective of a spec.
 *
 * @throws UserError on an unknown objective, settings that make no sense, or a module without an objective
 */
export async function makeObjective(spec: string): Promise<Objective> {
  refuseBareExpression(spec);
  return makeResolved(await OBJECTIVES.resolve(spec));
}

/** Makes a built-in objective. @throws UserError as `makeObjective` */
export function makeBuiltIn(spec: string): Objective {
  refuseBareExpression(spec);
  return makeResolved(OBJECTIVES.resolveBuiltIn(spec));
}

function makeResolved({
  kind,
  values,
  words,
  text: rest,
  name,
}: ResolvedExtension<ObjectiveKind>): Objective {
  return kind.make(values, { words, text: rest, name });
}

/** Refuses specs that are wrong without loading a module. @throws UserError as `makeObjectives` */
export async function checkBuiltIns(specs: readonly string[]): Promise<void> {
  await makeObjectives(specs.filter((spec) => !parseExtensionSpec(spec).isModule));
}

/** Whether an objective, given by its name or its spec, compares the model with a second one. */
export function comparesModels(spec: string): boolean {
  return OBJECTIVES.find(parseExtensionSpec(spec).name)?.needsSecondModel === true;
}

/** Whether an objective, given by its name or its spec, compares the model with a copy with random layers. */
export function derivesCopy(spec: string): boolean {
  return OBJECTIVES.find(parseExtensionSpec(spec).name)?.derivesCopy === true;
}

/** A second model that is a copy of the first one: quantized, or with random layers near the output. */
export type CopyKind =
  | { readonly quantize: string }
  /** How many layers are random; undefined for half of them. */
  | { readonly randomLayers: number | undefined };

/** The copy that a campaign derives from its model; undefined where it derives none. */
export function derivedCopy({
  quantize,
  against,
  againstRuntime,
  objective,
}: Pick<CampaignConfig, 'quantize' | 'against' | 'againstRuntime' | 'objective'>): CopyKind | undefined {
  if (quantize !== undefined) return { quantize };
  if (against !== undefined || againstRuntime !== undefined) return undefined;
  const deriving = objectiveSpecs(objective).find(derivesCopy);
  return deriving === undefined ? undefined : { randomLayers: randomLayersOf(deriving) ?? undefined };
}

/** Whether violations of an objective, given by its name, break seeds: see `Objective.breaksSeed`. */
export function breaksSeeds(name: string): boolean {
  return OBJECTIVES.find(name)?.breaksSeeds === true;
}

/** @throws UserError on a spec that is the expression of an `assert` without that name */
function refuseBareExpression(spec: string): void {
  const { name, isModule } = parseExtensionSpec(spec);
  if (!isModule && /[<>=]/.test(name))
    throw new UserError(`--objective: write assert: before the expression, as in 'assert:${name}'`);
}
