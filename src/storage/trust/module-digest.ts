import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, resolve } from 'node:path';

/** Quoted texts behind `from` or `import`: what a module imports. */
const IMPORTED = /\b(?:from|import)\s*\(?\s*(['"`])([^'"`\n]*)\1/g;

/** What runs code that is found otherwise than by a quoted path: calls of import with anything else, require, addresses of files. */
const OTHER_CODE =
  /\bimport\s*\(\s*[^'"`\s]|\bimport\s*\(\s*`[^`]*\$\{|\brequire\b|\bcreateRequire\b|\bimport\s*\.\s*meta\b|\bdlopen\b|\beval\b|\bFunction\b|\bWorker\b|\bchild_process\b/;

/** Relative paths in a module's text, as those of what it imports. */
const RELATIVE_PATH = /(['"`])(\.{1,2}\/[^'"`\n]+)\1/g;

/** Most files that are followed from one module. */
const MAX_FILES = 1000;

/**
 * SHA-256 of a module and of the files that it names by relative paths, such as those that it imports, and that these name in turn.
 * Files that can't be read count as absent.
 *
 * @returns undefined where the module may run code that is not among them, such as that of a package
 */
export async function moduleDigest(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  const pending = [resolve(path)];
  const seen = new Set(pending);
  for (const file of pending) {
    const bytes = await readFile(file).catch(() => undefined);
    hash.update(bytes === undefined ? 'absent\n' : `${bytes.length}\n`);
    if (bytes === undefined) continue;
    hash.update(bytes);
    const text = bytes.toString('utf8');
    if (runsOtherCode(text)) return undefined;
    for (const [, , relativePath] of text.matchAll(RELATIVE_PATH)) {
      const named = resolve(dirname(file), relativePath);
      if (seen.has(named)) continue;
      if (seen.size >= MAX_FILES) return undefined;
      seen.add(named);
      pending.push(named);
    }
  }
  return hash.digest('hex');
}

function runsOtherCode(text: string): boolean {
  const isKnown = (name: string): boolean =>
    /^\.{1,2}\//.test(name) || name === 'neurofuzz' || isBuiltin(name);
  return OTHER_CODE.test(text) || [...text.matchAll(IMPORTED)].some(([, , name]) => !isKnown(name));
}
