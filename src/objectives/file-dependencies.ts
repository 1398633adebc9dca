import { readSettings } from '../extensions/parameters.ts';
import { moduleSpec } from '../extensions/spec.ts';
import { makeBuiltIn } from './registry.ts';
import { objectiveSpec } from './spec.ts';
import { askedRule } from './text/registry.ts';

/** What making an objective reads from disk, as its spec names it. */
export interface Reads {
  /** Code. */
  readonly modules: readonly string[];
  readonly files: readonly string[];
}

/** @throws UserError on a spec that makes no sense */
export function readsOf(spec: string): Reads {
  const { kind, isModule, rest } = objectiveSpec(spec);
  if (isModule) return { modules: [kind], files: [] };
  if (kind === 'text') {
    const { text } = readSettings(kind, [], rest, true);
    const file = text === '' ? undefined : askedRule(text).settings.words.file;
    return { modules: [], files: file === undefined ? [] : [file] };
  }
  if (kind !== 'metamorphic') return { modules: [], files: [] };
  const changes = makeBuiltIn(spec).change ?? [];
  return { modules: changes.flatMap((change) => moduleSpec(change)?.path ?? []), files: [] };
}
