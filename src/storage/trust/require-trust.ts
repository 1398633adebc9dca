import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileError, UserError } from '../../core/errors.ts';
import { CAMPAIGN_FILE } from '../campaign-store.ts';
import { isOwnManifest } from './manifest-signature.ts';
import { type PluginSettings, pluginPaths } from './plugin-paths.ts';

/** What the user trusts. */
export interface TrustOptions {
  /** Whether any plug-in may be run: `--trust`. */
  readonly trust?: boolean | undefined;
  /** Absolute paths of plug-ins that the user has named: on the command line, or in a file that is named there. */
  readonly named?: readonly string[] | undefined;
}

/**
 * Refuses to run the plug-ins of a campaign's folder unless the user trusts them: a folder may come from a stranger. Those of the user's own
 * folders, which were made on this machine, are trusted.
 *
 * @param settings what would be run, with paths relative to the working folder
 * @returns absolute paths of the modules that may be imported; undefined for any
 * @throws UserError that names the plug-in and the flag
 */
export async function requireTrust(
  folder: string,
  settings: PluginSettings,
  { trust = false, named = [] }: TrustOptions,
): Promise<readonly string[] | undefined> {
  const plugins = pluginPaths(settings);
  const unnamed = plugins.filter((path) => !named.includes(path));
  if (trust) return undefined;
  if (unnamed.length === 0) return named;
  const file = join(folder, CAMPAIGN_FILE);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileError(error, 'read', file);
  });
  if (await isOwnManifest(text, folder, plugins)) return [...named, ...plugins];
  const listed = unnamed.map((path) => relative('.', path)).join(', ');
  throw new UserError(
    `${file} names code that this command was not allowed to run: ${listed}; read it, and add --trust if you trust it`,
  );
}
