import { basename, relative } from 'node:path';
import { quote } from '../core/shell-quote.ts';

/** Where npx keeps packages that no project has. */
const NPX_CACHE = /[\\/]_npx[\\/]/;

/**
 * The command that started this process, so that printed command lines work when pasted: the installed name, npx, or the path of
 * the script. npx would look a package in its cache up in the registry, where the name may be somebody else's.
 */
export function launcher(): string {
  const script = process.argv[1] ?? '';
  if (basename(script) === 'neurofuzz') {
    if (NPX_CACHE.test(script)) return quote(script);
    return process.env.npm_command === 'exec' ? 'npx neurofuzz' : 'neurofuzz';
  }
  return `node ${quote(relative('.', script))}`;
}

/** The command that resumes the campaign in a folder. */
export function resumeLine(folder: string): string {
  return `${launcher()} fuzz --resume --out ${quote(folder)}`;
}
