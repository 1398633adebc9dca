import { basename, relative } from 'node:path';

/**
 * How this very program was called, so that a line that we print works when pasted: by its installed name,
 * through npx, or by the path of its launcher.
 */
export function launcher(): string {
  const script = process.argv[1] ?? '';
  if (basename(script) === 'neurofuzz') {
    return process.env.npm_command === 'exec' ? 'npx neurofuzz' : 'neurofuzz';
  }
  return `node ${quote(relative('.', script))}`;
}

/** A word as a POSIX shell reads it back. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that goes on with the campaign in a folder. */
export function resumeLine(folder: string): string {
  return `${launcher()} fuzz --resume --out ${quote(folder)}`;
}
