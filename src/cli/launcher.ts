import { basename, relative } from 'node:path';
import { hasControl } from '../core/escape-control.ts';

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

/** Quotes a word for a POSIX shell; one with control characters for bash, ksh and zsh, so that it can be printed. */
export function quote(word: string): string {
  if (hasControl(word)) return `$'${word.replace(/['\\]/g, '\\$&').replace(/[^\x20-\x7e]/gu, bytesAsHex)}'`;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function bytesAsHex(character: string): string {
  return [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/** The command that resumes the campaign in a folder. */
export function resumeLine(folder: string): string {
  return `${launcher()} fuzz --resume --out ${quote(folder)}`;
}
