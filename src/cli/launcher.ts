import { realpathSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { quote } from '../core/shell-quote.ts';

/** Where npx keeps packages that no project has. */
const NPX_CACHE = /[\\/]_npx[\\/]/;

/** Where a project's commands lie, which are on the PATH of npm's scripts alone. */
const PROJECT_BIN = /[\\/]node_modules[\\/]\.bin[\\/][^\\/]*$/;

/**
 * The command that started this process, so that printed command lines work when pasted: the installed name, npx, or the path of
 * the script. npx would look a package in its cache up in the registry, where the name may be somebody else's. A checkout in which npx
 * runs is only linked there.
 */
export function launcher(): string {
  const script = process.argv[1] ?? '';
  if (basename(script) === 'neurofuzz') {
    if (NPX_CACHE.test(realPathOf(script))) return quote(script);
    const isOfProject = process.env.npm_command === 'exec' || PROJECT_BIN.test(script);
    return isOfProject ? 'npx neurofuzz' : 'neurofuzz';
  }
  return `node ${quote(relative('.', script))}`;
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The command that resumes the campaign in a folder. */
export function resumeLine(folder: string): string {
  return `${launcher()} fuzz --resume --out ${quote(folder)}`;
}
