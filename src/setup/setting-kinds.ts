import type { SettingKinds } from '../config/json-schema.ts';
import { flagSettings, type SettingName } from '../config/schema.ts';
import { CRITERIA } from '../coverage/registry.ts';
import { QUANTIZERS } from '../model/quantize/registry.ts';
import { SCHEDULERS } from '../schedulers/registry.ts';

/** The registries of settings that name one kind. */
const REGISTRIES = { measure: CRITERIA, scheduler: SCHEDULERS, quantize: QUANTIZERS } as const;

const isNamingKind = (name: SettingName): name is keyof typeof REGISTRIES => Object.hasOwn(REGISTRIES, name);

/** The help of a setting's flag, with the kinds that it may name. */
export function settingHelp(name: SettingName, help: string): string {
  return isNamingKind(name) ? `${help}: ${REGISTRIES[name].describe()}` : help;
}

/** The kinds that each setting may name, as the JSON Schema of campaign files lists them. */
export function settingKinds(): Partial<Record<SettingName, SettingKinds>> {
  return Object.fromEntries(
    flagSettings().flatMap(({ name, meta }) => {
      if (!isNamingKind(name)) return [];
      const registry = REGISTRIES[name];
      const { takesPlugins } = registry;
      return [[name, { names: registry.names(), help: settingHelp(name, meta.help), takesPlugins }]];
    }),
  );
}
