import { parseObjectiveSettings } from '../extensions/parameters.ts';
import { parseModuleSpec } from '../extensions/spec.ts';
import { makeBuiltIn } from './registry.ts';
import { parseObjectiveSpec } from './spec.ts';
import { parseRule } from './text/registry.ts';

/** Files that creating an objective reads, by the paths in its spec; a distributed campaign uploads them. */
export interface FileDependencies {
  /** Plug-in modules. */
  readonly modules: readonly string[];
  /** Data, such as word lists. */
  readonly files: readonly string[];
}

/** @throws UserError on an invalid spec */
export function fileDependenciesOf(spec: string): FileDependencies {
  const { kind, isModule, settingsText } = parseObjectiveSpec(spec);
  if (isModule) return { modules: [kind], files: [] };
  if (kind === 'text') {
    const { text } = parseObjectiveSettings(kind, [], settingsText, true);
    const file = text === '' ? undefined : parseRule(text).settings.words.file;
    return { modules: [], files: file === undefined ? [] : [file] };
  }
  if (kind !== 'metamorphic') return { modules: [], files: [] };
  const changes = makeBuiltIn(spec).change ?? [];
  return { modules: changes.flatMap((change) => parseModuleSpec(change)?.path ?? []), files: [] };
}
