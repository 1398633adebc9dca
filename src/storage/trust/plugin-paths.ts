import { resolve } from 'node:path';
import { parseExtensionSpec, parseModuleSpec } from '../../extensions/spec.ts';
import { fileDependenciesOf } from '../../objectives/file-dependencies.ts';

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
    ...stringsIn(objective).flatMap(objectiveModules),
    ...stringsIn(mutator).flatMap(mutatorModules),
    ...stringsIn([measure, scheduler]).flatMap(modulesOf),
  ];
  return [...new Set(paths.map((path) => resolve(path)))].sort();
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

/** Modules of an objective's spec, mutators that it applies included. */
function objectiveModules(spec: string): readonly string[] {
  try {
    return fileDependenciesOf(spec).modules;
  } catch {
    // A spec that is refused runs nothing.
    return [];
  }
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
