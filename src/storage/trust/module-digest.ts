import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';

/** An import of a module by its plain name, such as `import { readFile } from 'node:fs/promises';`. */
const PLAIN_IMPORT = /\bimport\s+(?:[\w$*{}\s,]+?\s+from\s+)?(['"])([\w:./@-]+)\1/g;

/** What may run code of other files: imports in other forms, exports from files, require, addresses of files, text as code. */
const OTHER_CODE =
  /\bimport\b|\bfrom\b\s*(?:['"`]|\/[*/])|\brequire\b|\bcreateRequire\b|\bdlopen\b|\beval\b|\bFunction\b|\bWorker\b|\bchild_process\b/;

/**
 * SHA-256 of a module that runs no code but its own, Node's and neurofuzz's. What such a module does follows from its text, wherever it lies.
 *
 * @returns undefined where the module can't be read, or may run the code of other files
 */
export async function moduleDigest(path: string): Promise<string | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined || runsOtherCode(bytes.toString('utf8'))) return undefined;
  return createHash('sha256').update(bytes).digest('hex');
}

function runsOtherCode(text: string): boolean {
  const rest = text.replaceAll(PLAIN_IMPORT, (statement, _quote, name: string) =>
    name === 'neurofuzz' || isBuiltin(name) ? '' : statement,
  );
  return OTHER_CODE.test(rest);
}
