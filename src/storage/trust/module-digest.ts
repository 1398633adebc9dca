import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Relative paths in a module's text, as those of what it imports. */
const RELATIVE_PATH = /(['"`])(\.{1,2}\/[^'"`\n]+)\1/g;

/** Most files that are followed from one module. */
const MAX_FILES = 1000;

/**
 * SHA-256 of a module and of the files that it names by relative paths, such as those that it imports, and that these name in turn.
 * Files that can't be read count as absent.
 */
export async function moduleDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  const pending = [resolve(path)];
  const seen = new Set(pending);
  for (const file of pending) {
    const text = await readFile(file).catch(() => undefined);
    hash.update(text === undefined ? 'absent\n' : `${text.length}\n`);
    if (text === undefined) continue;
    hash.update(text);
    for (const [, , relativePath] of text.toString('utf8').matchAll(RELATIVE_PATH)) {
      const named = resolve(dirname(file), relativePath);
      if (seen.has(named) || seen.size >= MAX_FILES) continue;
      seen.add(named);
      pending.push(named);
    }
  }
  return hash.digest('hex');
}
