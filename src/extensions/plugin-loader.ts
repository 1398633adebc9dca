import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createContext, Script } from 'node:vm';
import { errorMessage, UserError } from '../core/errors.ts';
import { packageFile } from '../core/package-files.ts';
import { requireAllowedPlugin } from './allowed-plugins.ts';
import { remapPath } from './path-remap.ts';

/** Time limit of one call of a plug-in in this process, in ms. */
let callTimeoutMs = 10_000;

/** Sets the time limit of calls of plug-ins in this process; it must be shorter than the watchdog's. */
export function setCallTimeout(milliseconds: number): void {
  callTimeoutMs = milliseconds;
}

/**
 * Imports a plug-in module and returns its default export. A module is code: only those that a setting names are imported.
 *
 * @param flag the setting that names it, for messages
 * @throws UserError if it can't be imported, or is not among those that this process may import
 */
export async function importPlugin(flag: string, path: string): Promise<unknown> {
  const local = resolve(remapPath(path));
  requireAllowedPlugin(local);
  exposeOwnPackage();
  try {
    const module = (await import(pathToFileURL(local).href)) as {
      readonly default?: unknown;
    };
    return module.default;
  } catch (error) {
    throw new UserError(`${flag}: the plug-in ${path} cannot be loaded: ${explainImportError(error, path)}`);
  }
}

let isExposed = false;

/** Registers a resolve hook by which plug-ins in any folder import this package as `neurofuzz`. */
function exposeOwnPackage(): void {
  if (isExposed) return;
  isExposed = true;
  const packageUrl = JSON.stringify(packageFile('dist/src/index.js').href);
  const hook = `export const resolve = (specifier, context, next) =>
    specifier === 'neurofuzz' ? { url: ${packageUrl}, shortCircuit: true } : next(specifier, context);`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}

/** Node's message for TypeScript that it can't load does not say what to do about it. */
function explainImportError(error: unknown, path: string): string {
  const { code } = error as { readonly code?: unknown };
  if (/\.[cm]?ts$/.test(path) && code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return `Node ${process.versions.node} cannot read TypeScript: compile it to JavaScript, or use Node 22.18 or later`;
  return errorMessage(error);
}

/** A call of a plug-in threw or took too long; the message names the plug-in. */
export class PluginError extends Error {
  override readonly name: string = 'PluginError';
}

const callContext: { call: () => void } = createContext({ call: () => {} }) as { call: () => void };
const callScript = new Script('call()');

/**
 * Calls a function of a plug-in, or one that calls such functions, with a time limit.
 *
 * @param name the plug-in in messages
 * @param limit in ms
 * @throws PluginError if it throws anything but a `UserError`, or takes too long
 */
export function callWithTimeout<T>(name: string, call: () => T, limit = callTimeoutMs): T {
  let result: { readonly value: T } | undefined;
  callContext.call = () => {
    result = { value: call() };
  };
  try {
    callScript.runInContext(callContext as never, { timeout: limit });
  } catch (error) {
    if (error instanceof UserError) throw error;
    const isLate = (error as { readonly code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
    const why = isLate ? `does not finish within ${limit / 1000} s` : `fails: ${errorMessage(error)}`;
    throw new PluginError(`the plug-in ${name} ${why}`);
  }
  if (result === undefined) throw new PluginError(`the plug-in ${name} was interrupted`);
  return result.value;
}
