import { resolve } from 'node:path';
import { parseExtensionSpec, parseModuleSpec } from '../../extensions/spec.ts';
import { objectiveSpecs } from '../../objectives/registry.ts';

/** Settings of a campaign that may name modules, as a campaign file or the schema has them. */
export interface PluginSettings {
  readonly objective?: unknown;
  readonly mutator?: unknown;
  readonly measure?: unknown;
  readonly scheduler?: unknown;
}

/**
 * Absolute paths of all modules that settings would have run, each once and sorted. A path that only looks like one may be among them; none
 * is missing.
 *
 * @param settings with paths relative to the working folder
 */
export function pluginPaths({ objective, mutator, measure, scheduler }: PluginSettings): string[] {
  const paths = [
    ...objectivesIn(objective).flatMap(objectiveModules),
    // In a mapping, no name of an input stands before a spec: a built-in mutator may have the path of a file.
    ...stringsIn(mutator).flatMap(isMapping(mutator) ? modulesOf : mutatorModules),
    ...stringsIn([measure, scheduler]).flatMap(modulesOf),
  ];
  return [...new Set(paths.map((path) => resolve(path)))].sort();
}

function isMapping(setting: unknown): setting is Readonly<Record<string, unknown>> {
  return typeof setting === 'object' && setting !== null && !Array.isArray(setting);
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

/** The specs that a setting makes, names of a mapping included: they stand in the specs. */
function objectivesIn(setting: unknown): string[] {
  if (!isMapping(setting)) return stringsIn(setting);
  const specs = Object.entries(setting).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return objectiveSpecs(Object.fromEntries(specs));
}

/** Modules of an objective's spec. The mutators that a metamorphic one applies may stand behind an input's name, which may hold any character. */
function objectiveModules(spec: string): readonly string[] {
  const { name, isModule, settings } = parseExtensionSpec(spec);
  if (isModule) return [name];
  if (name !== 'metamorphic') return [];
  const starts = [0, ...[...settings.matchAll(/[=,:]/g)].map(({ index }) => index + 1)];
  return starts.flatMap((start) => modulesOf(settings.slice(start)));
}

/** An input's name before a mutator's spec may hold any character, equals signs too. */
function mutatorModules(spec: string): string[] {
  const parts = spec.split('=');
  return parts.flatMap((_, i) => modulesOf(parts.slice(i).join('=')));
}

function modulesOf(spec: string): string[] {
  const { name, isModule } = parseExtensionSpec(spec);
  const module = parseModuleSpec(spec);
  return [...(isModule ? [name] : []), ...(module === undefined ? [] : [module.path])];
}
