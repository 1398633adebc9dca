import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);

/** The version of this package. */
export const VERSION = (require('neurofuzz/package.json') as { readonly version: string }).version;

const ROOT = pathToFileURL(`${dirname(require.resolve('neurofuzz/package.json'))}/`);

/**
 * A file of this package.
 *
 * @param path relative to the package's folder
 */
export function packageFile(path: string): URL {
  return new URL(path, ROOT);
}

/**
 * The script of a process or thread, bundled: to open hundreds of modules takes a process longer than all else at its start.
 *
 * @param name its name in scripts/bundle.js
 */
export function processScript(name: string): URL {
  return packageFile(`dist/processes/${name}.js`);
}
