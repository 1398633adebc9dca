import { type Command, Option } from 'commander';
import * as z from 'zod';
import { parseSections, type RawSettings } from '../../config/load.ts';
import { flagSettings, type SettingName } from '../../config/schema.ts';
import { settingHelp } from '../../setup/setting-kinds.ts';
import { type FlagText, parseFlag } from './flag-value.ts';

/** What commander read, by the flag's name in camelCase. */
type Options = object;

/** Settings by which a model is loaded. */
export const LOADING_FLAGS: readonly SettingName[] = ['runtime', 'signature', 'tags', 'half'];

/** Adds the flags of all settings to a command, with their defaults in the help. */
export function addAllSettingFlags(command: Command): Command {
  for (const { name, meta, fallback } of flagSettings()) {
    const help = settingHelp(name, meta.help);
    const text = meta.defaultText ?? (fallback === undefined || fallback === false ? '' : String(fallback));
    command.addOption(new Option(meta.flags, text === '' ? help : `${help} (default: ${text})`));
  }
  return command;
}

/**
 * Adds the flags of some settings to a command, in the order given.
 *
 * @param help texts for the flags that mean something narrower in this command
 */
export function addSettingFlags(
  command: Command,
  names: readonly SettingName[],
  help: Readonly<Partial<Record<SettingName, string>>> = {},
): Command {
  const settings = flagSettings();
  for (const wanted of names) {
    const setting = settings.find(({ name }) => name === wanted);
    if (setting === undefined) throw new Error(`the setting ${wanted} has no flag`);
    command.addOption(new Option(setting.meta.flags, help[wanted] ?? settingHelp(wanted, setting.meta.help)));
  }
  return command;
}

/** The settings that a command line gives, as a campaign file would give them. */
export function readSettingFlags(options: Options): RawSettings {
  const given = new Map<string, FlagText>(Object.entries(options));
  return Object.fromEntries(
    flagSettings().flatMap(({ name, meta, schema }) => {
      const text = given.get(name);
      return text === undefined ? [] : [[name, parseFlag(schema, meta, text)]];
    }),
  );
}

/**
 * The settings of some sections, read from a command line.
 *
 * @param section such as `{ ...modelSection, ...inputSection }`
 * @param further settings that are no flags of the command, such as the model
 * @throws UserError naming the first flag whose value makes no sense
 */
export function readSections<S extends z.ZodRawShape>(
  section: S,
  options: Options,
  further: RawSettings = {},
): z.output<z.ZodObject<S>> {
  const flags = Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(section, name)));
  return parseSections(z.object(section), { ...readSettingFlags(flags), ...further });
}
