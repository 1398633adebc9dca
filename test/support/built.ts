import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A module as it is built: what forks processes of its own works from there alone. */
export function built<T>(path: string): Promise<T> {
  return import(pathToFileURL(resolve('dist/src', path)).href) as Promise<T>;
}
