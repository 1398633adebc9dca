import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { UserError } from '../../core/errors.ts';
import type { PluginManifest } from '../protocol/messages.ts';
import { sha256Hex } from './file-transfer.ts';

/** Name and version in a package.json, and its folder. */
interface PackageInfo {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
}

/**
 * Identifies a plug-in by its package, so that nodes can find their own copy.
 *
 * @throws UserError if it can't be read, or is not part of a package with a name and a version
 */
export async function describePlugin(path: string): Promise<PluginManifest> {
  const absolute = resolve(path);
  const enclosing = await findEnclosingPackage(dirname(absolute));
  if (enclosing === undefined)
    throw new UserError(
      `the plug-in ${path} is not in a package: code is never sent, and other machines identify it by the name and version in its package.json`,
    );
  const { folder, name, version } = enclosing;
  const file = relative(folder, absolute).split(sep).join('/');
  return { path, package: name, version, file, sha256: sha256Hex(await readFile(absolute)) };
}

/**
 * Finds the local copy of a plug-in.
 *
 * @param allowed packages whose code campaigns may run on this node
 * @returns path of its module
 * @throws UserError if it is not installed in this version, is not allowed, or differs from the published file
 */
export async function findInstalledPlugin(
  { package: name, version, file, sha256 }: PluginManifest,
  allowed: readonly string[],
): Promise<string> {
  const requirement = `it needs the plug-in package ${name} ${version}`;
  const installed = await findPackage(name);
  if (installed === undefined)
    throw new UserError(
      `${requirement}, which is not installed here: install it and start with --plugin ${name}`,
    );
  if (installed.version !== version)
    throw new UserError(`${requirement}, but this machine has ${installed.version}`);
  if (!allowed.includes(name))
    throw new UserError(`${requirement}, which campaigns may not run here: start with --plugin ${name}`);
  const path = join(installed.folder, file);
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined || sha256Hex(bytes) !== sha256)
    throw new UserError(`${requirement}, whose ${file} differs on this machine`);
  return path;
}

/** Finds a package by name: the one that contains the working directory, one installed there, or one installed beside neurofuzz. */
async function findPackage(name: string): Promise<PackageInfo | undefined> {
  const current = await findEnclosingPackage(process.cwd());
  if (current?.name === name) return current;
  const folders = [join(process.cwd(), 'here.js'), import.meta.url].flatMap(
    (from) => createRequire(from).resolve.paths(name) ?? [],
  );
  for (const folder of folders) {
    const installed = await readPackage(join(folder, name));
    if (installed !== undefined) return installed;
  }
  return undefined;
}

async function findEnclosingPackage(folder: string): Promise<PackageInfo | undefined> {
  const info = await readPackage(folder);
  const parent = dirname(folder);
  return info ?? (parent === folder ? undefined : findEnclosingPackage(parent));
}

async function readPackage(folder: string): Promise<PackageInfo | undefined> {
  try {
    const { name, version } = JSON.parse(
      await readFile(join(folder, 'package.json'), 'utf8'),
    ) as Partial<PackageInfo>;
    return typeof name === 'string' && typeof version === 'string' ? { folder, name, version } : undefined;
  } catch {
    return undefined;
  }
}
