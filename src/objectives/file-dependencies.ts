import { parseExtensionSpec, parseModuleSpec } from '../extensions/spec.ts';
import { makeBuiltIn, OBJECTIVES } from './registry.ts';
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
  const { name, isModule } = parseExtensionSpec(spec);
  if (isModule) return { modules: [name], files: [] };
  if (name === 'text') {
    const { text } = OBJECTIVES.resolveBuiltIn(spec);
    const file = text === '' ? undefined : parseRule(text).words.file;
    return { modules: [], files: file === undefined ? [] : [file] };
  }
  if (name !== 'metamorphic') return { modules: [], files: [] };
  const changes = makeBuiltIn(spec).change ?? [];
  return { modules: changes.flatMap((change) => parseModuleSpec(change)?.path ?? []), files: [] };
}
