import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Finding, FORMAT_VERSION } from '../campaign/finding.ts';
import { fileError, reason, UserError } from '../errors.ts';

/** Whether there is something at a path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Every folder at or below a path that holds a finding.json, in the order of their names. */
export async function findingsIn(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return path.endsWith('finding.json') ? [dirname(path)] : [];
    const names = await readdir(path, { withFileTypes: true });
    if (names.some((entry) => entry.name === 'finding.json')) return [path];
    const below = names.filter(
      (entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'corpus',
    );
    const found = await Promise.all(below.map((entry) => findingsIn(join(path, entry.name))));
    return found.flat().sort();
  } catch (error) {
    throw fileError(error, 'read the findings in', path);
  }
}

/** @throws UserError naming the file where it can't be read */
export async function readOrRefuse(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(error, 'read the finding', path);
  }
}

/** @throws UserError where it can't be read, or was not written by this version */
export async function readFinding(folder: string): Promise<Finding> {
  const path = join(folder, 'finding.json');
  let finding: Partial<Finding> | null;
  try {
    finding = JSON.parse((await readOrRefuse(path)).toString('utf8')) as Partial<Finding> | null;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} is damaged: ${reason(error)}`);
  }
  if (finding?.formatVersion !== FORMAT_VERSION) {
    throw new UserError(
      `${path} is of format version ${finding?.formatVersion}, this neurofuzz reads ${FORMAT_VERSION}`,
    );
  }
  const sound =
    typeof finding.signature === 'string' &&
    Array.isArray(finding.violation?.tensors) &&
    finding.model !== undefined;
  if (!sound) throw new UserError(`${path} is damaged: it lacks signature, violation or model`);
  return finding as Finding;
}
