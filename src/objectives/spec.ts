import type { CampaignConfig } from '../config/schema.ts';
import { parseModuleSpec } from '../extensions/spec.ts';

/** An objective that was asked for, taken apart. */
export interface ObjectiveSpec {
  /** The kind's name, or the path of a module. */
  readonly kind: string;
  readonly isModule: boolean;
  /** What stands behind the colon. */
  readonly settingsText: string;
}

/** Takes a spec such as `quantization:top=3` or `./own.js:bound=2` apart. */
export function parseObjectiveSpec(spec: string): ObjectiveSpec {
  const [, kind = '', rest = ''] = /^([a-z][a-z0-9-]*)(?::(.*))?$/s.exec(spec.trim()) ?? [];
  if (kind !== '') return { kind, isModule: false, settingsText: rest };
  const module = parseModuleSpec(spec);
  if (module !== undefined) return { kind: module.path, isModule: true, settingsText: module.parameters };
  const [before = '', ...after] = spec.split(':');
  return { kind: before.trim(), isModule: false, settingsText: after.join(':') };
}

/** The specs of a campaign's setting, each once. A mapping gives each of them a name. */
export function listObjectiveSpecs(setting: CampaignConfig['objective']): string[] {
  if (typeof setting === 'string') return [setting];
  if (Array.isArray(setting)) return [...new Set(setting)];
  return Object.entries(setting).map(([name, spec]) => {
    const { kind, settingsText } = parseObjectiveSpec(spec);
    return `${kind}:name=${name}${settingsText === '' ? '' : `,${settingsText}`}`;
  });
}
