import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { UserError } from '../../core/errors.ts';
import type { PluginManifest } from '../protocol/messages.ts';
import { sha256Hex } from './file-transfer.ts';

/** What a package says of itself. */
interface PackageInfo {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
}

/**
 * The package that a plug-in is of, by which other machines know it.
 *
 * @throws UserError where it can't be read, or lies in no package with a name and a version
 */
export async function describePlugin(path: string): Promise<PluginManifest> {
  const absolute = resolve(path);
  const found = await findEnclosingPackage(dirname(absolute));
  if (found === undefined)
    throw new UserError(
      `the plug-in ${path} lies in no package: code is never sent, and other machines know it by the name and version in its package.json`,
    );
  const { folder, name, version } = found;
  const file = relative(folder, absolute).split(sep).join('/');
  return { path, package: name, version, file, sha256: sha256Hex(await readFile(absolute)) };
}

/**
 * Where this machine has a plug-in.
 *
 * @param allowed packages whose code campaigns may run here
 * @throws UserError where it has not, or may not run it
 */
export async function findInstalledPlugin(
  { package: name, version, file, sha256 }: PluginManifest,
  allowed: readonly string[],
): Promise<string> {
  const wanted = `it needs the plug-in package ${name} ${version}`;
  const found = await findPackage(name);
  if (found === undefined)
    throw new UserError(`${wanted}, which is not installed here: install it and start with --plugin ${name}`);
  if (found.version !== version) throw new UserError(`${wanted}, and this machine has ${found.version}`);
  if (!allowed.includes(name))
    throw new UserError(`${wanted}, which campaigns may not run here: start with --plugin ${name}`);
  const path = join(found.folder, file);
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined || sha256Hex(bytes) !== sha256)
    throw new UserError(`${wanted}, whose ${file} is another one on this machine`);
  return path;
}

/** A package by its name: one that we stand in, or that is installed for where we stand, or beside ourselves. */
async function findPackage(name: string): Promise<PackageInfo | undefined> {
  const here = await findEnclosingPackage(process.cwd());
  if (here?.name === name) return here;
  const places = [join(process.cwd(), 'here.js'), import.meta.url].flatMap(
    (from) => createRequire(from).resolve.paths(name) ?? [],
  );
  for (const place of places) {
    const found = await readPackage(join(place, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

async function findEnclosingPackage(folder: string): Promise<PackageInfo | undefined> {
  const found = await readPackage(folder);
  const above = dirname(folder);
  return found ?? (above === folder ? undefined : findEnclosingPackage(above));
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
