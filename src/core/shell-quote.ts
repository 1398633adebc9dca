import { hasControl } from './escape-control.ts';

/** Quotes a word for a POSIX shell; one with control characters for bash, ksh and zsh, so that it can be printed. */
export function quote(word: string): string {
  if (hasControl(word)) return `$'${word.replace(/['\\]/g, '\\$&').replace(/[^\x20-\x7e]/gu, bytesAsHex)}'`;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function bytesAsHex(character: string): string {
  return [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
