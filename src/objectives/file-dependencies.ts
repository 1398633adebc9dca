import { parseObjectiveSettings } from '../extensions/parameters.ts';
import { parseModuleSpec } from '../extensions/spec.ts';
import { makeBuiltIn } from './registry.ts';
import { parseObjectiveSpec } from './spec.ts';
import { parseRule } from './text/registry.ts';

/** What making an objective reads from disk, as its spec names it. */
export interface FileDependencies {
  /** Code. */
  readonly modules: readonly string[];
  readonly files: readonly string[];
}

/** @throws UserError on a spec that makes no sense */
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
