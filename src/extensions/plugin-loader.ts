import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createContext, Script } from 'node:vm';
import { errorMessage, UserError } from '../core/errors.ts';
import { remapPath } from './path-remap.ts';

/** Milliseconds that one call of a plug-in may take. */
let callTimeoutMs = 10_000;

/** Changes what a call of a plug-in may take in this process: less than what ends it. */
export function setCallTimeout(milliseconds: number): void {
  callTimeoutMs = milliseconds;
}

/**
 * Loads a module of the user's and returns its default export. A module is code: only those are loaded that a user
 * names.
 *
 * @param flag the setting that names it, for messages
 * @throws UserError where it can't be loaded
 */
export async function importPlugin(flag: string, path: string): Promise<unknown> {
  exposeOwnPackage();
  try {
    const module = (await import(pathToFileURL(resolve(remapPath(path))).href)) as {
      readonly default?: unknown;
    };
    return module.default;
  } catch (error) {
    throw new UserError(`${flag}: the plug-in ${path} cannot be loaded: ${explainImportError(error, path)}`);
  }
}

let isExposed = false;

/** Lets plug-ins import `neurofuzz` wherever they lie: the very one that loads them. */
function exposeOwnPackage(): void {
  if (isExposed) return;
  isExposed = true;
  const own = JSON.stringify(new URL('../index.js', import.meta.url).href);
  const hook = `export const resolve = (specifier, context, next) =>
    specifier === 'neurofuzz' ? { url: ${own}, shortCircuit: true } : next(specifier, context);`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}

/** A kind of thing that a plug-in gives, which makes one. */
interface PluginKind {
  make(settings: never): unknown;
}

/**
 * Loads a kind from a module of the user's, with a way to call what it makes by which errors say whose they are.
 *
 * @param what the flag's word for it, for messages
 * @throws UserError where it can't be loaded or exports no such kind
 */
export async function importPluginKind<K extends PluginKind>(
  flag: string,
  path: string,
  what: string,
): Promise<{ readonly kind: K; readonly named: <T>(call: () => T) => T }> {
  const kind = (await importPlugin(flag, path)) as Partial<K> | null | undefined;
  if (typeof kind !== 'object' || kind === null || typeof kind.make !== 'function')
    throw new UserError(
      `${flag}: the plug-in ${path} has no ${what} as its default export; see docs/plug-ins.md`,
    );
  const named = <T>(call: () => T): T => {
    try {
      return callWithTimeout(path, call);
    } catch (error) {
      throw new UserError(`${flag}: ${errorMessage(error)}; mend it or leave it out of ${flag}`);
    }
  };
  return { kind: kind as K, named };
}

/** Node's own words for TypeScript that it can't read say nothing of what to do. */
function explainImportError(error: unknown, path: string): string {
  const { code } = error as { readonly code?: unknown };
  if (/\.[cm]?ts$/.test(path) && code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return `Node ${process.versions.node} reads no TypeScript, 22.18 and later do; compile it to JavaScript, or run a newer Node`;
  return errorMessage(error);
}

/** A plug-in failed in a call: which one, and how, in one line. */
export class PluginError extends Error {
  override readonly name: string = 'PluginFailure';
}

const callContext: { call: () => void } = createContext({ call: () => {} }) as { call: () => void };
const callScript = new Script('call()');

/**
 * Calls a function of a plug-in, or one that calls such, and breaks it off where it does not come to an end.
 *
 * @param name how messages call the plug-in
 * @param limit milliseconds that it may take
 * @throws PluginFailure where it throws or takes too long
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
    const why = isLate ? `does not come to an end within ${limit / 1000} s` : `fails: ${errorMessage(error)}`;
    throw new PluginError(`the plug-in ${name} ${why}`);
  }
  if (result === undefined) throw new PluginError(`the plug-in ${name} was broken off`);
  return result.value;
}
