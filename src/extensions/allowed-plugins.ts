import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../core/errors.ts';

/** Environment variable with a JSON list of the modules that a process may import; absent where it may import any. */
export const ALLOWED_PLUGINS_VARIABLE = 'NEUROFUZZ_PLUGINS';

/**
 * Limits the plug-ins that this process and those that it starts from now on may import.
 *
 * @param paths absolute paths; undefined for any
 */
export function allowPlugins(paths: readonly string[] | undefined): void {
  if (paths === undefined) delete process.env[ALLOWED_PLUGINS_VARIABLE];
  else process.env[ALLOWED_PLUGINS_VARIABLE] = JSON.stringify(paths);
}

/**
 * The last guard before code is run: whatever a setting of a stranger's folder may be read as, it names no module that was not allowed.
 *
 * @throws UserError naming the module
 */
export function requireAllowedPlugin(path: string): void {
  const list = process.env[ALLOWED_PLUGINS_VARIABLE];
  if (list === undefined) return;
  const allowed = (JSON.parse(list) as string[]).map(realPath);
  if (allowed.includes(realPath(resolve(path)))) return;
  throw new UserError(
    `the campaign's folder names code that this command was not allowed to run: ${path}; read it, and add --trust if you trust it`,
  );
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
