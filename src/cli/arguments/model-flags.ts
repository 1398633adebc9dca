import { type Command, Option } from 'commander';
import { checkSettings } from '../../config/load.ts';
import { flagSettings, type SettingName } from '../../config/schema.ts';
import type { LoadOptions } from '../../model/model.ts';

/** Flags that say how a model is loaded, the same as those of `fuzz`. */
export interface ModelFlags {
  readonly runtime?: string;
  readonly signature?: string;
  readonly tags?: readonly string[];
}

const FLAG_NAMES: readonly SettingName[] = ['runtime', 'signature', 'tags'];

/** Adds the flags to a command. */
export function addModelFlags(command: Command): Command {
  for (const [name, { flags, help }] of flagSettings()) {
    if (FLAG_NAMES.includes(name)) command.addOption(new Option(flags, help));
  }
  return command;
}

/** @throws UserError on a value that makes no sense */
export function modelLoadOptions(flags: ModelFlags): LoadOptions {
  const given = FLAG_NAMES.flatMap((name) => {
    const value = flags[name as keyof ModelFlags];
    return value === undefined ? [] : [[name, value]];
  });
  const { runtime, signature, tags } = checkSettings({}, Object.fromEntries(given), undefined);
  return { runtime, signature, tags };
}
