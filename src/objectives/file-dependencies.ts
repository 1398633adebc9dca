import { parseExtensionSpec, parseModuleSpec } from '../extensions/spec.ts';
import { makeBuiltIn, OBJECTIVES } from './registry.ts';
import { parseRule } from './text/registry.ts';

/** The files that making an objective reads, as its spec names them. */
export interface FileDependencies {
  /** Code. */
  readonly modules: readonly string[];
  readonly files: readonly string[];
}

/** @throws UserError on a spec that makes no sense */
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
