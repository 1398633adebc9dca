import type { CampaignConfig } from '../config/schema.ts';
import { moduleSpec } from '../extensions/spec.ts';

/** An objective that was asked for, taken apart. */
export interface ObjectiveSpec {
  /** The kind's name, or the path of a module. */
  readonly kind: string;
  readonly isModule: boolean;
  /** What stands behind the colon. */
  readonly rest: string;
}

/** Takes a spec such as `quantization:top=3` or `./own.js:bound=2` apart. */
export function objectiveSpec(spec: string): ObjectiveSpec {
  const [, kind = '', rest = ''] = /^([a-z][a-z0-9-]*)(?::(.*))?$/s.exec(spec.trim()) ?? [];
  if (kind !== '') return { kind, isModule: false, rest };
  const module = moduleSpec(spec);
  if (module !== undefined) return { kind: module.path, isModule: true, rest: module.parameters };
  const [before = '', ...after] = spec.split(':');
  return { kind: before.trim(), isModule: false, rest: after.join(':') };
}

/** The specs of a campaign's setting, each once. A mapping gives each of them a name. */
export function objectiveSpecs(setting: CampaignConfig['objective']): string[] {
  if (typeof setting === 'string') return [setting];
  if (Array.isArray(setting)) return [...new Set(setting)];
  return Object.entries(setting).map(([name, spec]) => {
    const { kind, rest } = objectiveSpec(spec);
    return `${kind}:name=${name}${rest === '' ? '' : `,${rest}`}`;
  });
}
