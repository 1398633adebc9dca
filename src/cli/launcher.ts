import { basename, relative } from 'node:path';

/**
 * The command that started this process, so that printed command lines work when pasted: the installed name, npx, or the path of
 * the script.
 */
export function launcher(): string {
  const script = process.argv[1] ?? '';
  if (basename(script) === 'neurofuzz') {
    return process.env.npm_command === 'exec' ? 'npx neurofuzz' : 'neurofuzz';
  }
  return `node ${quote(relative('.', script))}`;
}

/** Quotes a word for a POSIX shell. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that resumes the campaign in a folder. */
export function resumeLine(folder: string): string {
  return `${launcher()} fuzz --resume --out ${quote(folder)}`;
}
