import { readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMachineFailure, MachineError, systemReason, UserError } from '../../core/errors.ts';

/** @throws UserError where a page cannot be written, before any work is done for it */
export async function checkPagePath(path: string): Promise<void> {
  try {
    await readdir(dirname(path));
    if ((await stat(path).catch(() => undefined))?.isDirectory())
      throw new UserError('it is a folder, not a file');
  } catch (error) {
    throw cannotWritePage(path, error);
  }
}

export function cannotWritePage(path: string, error: unknown): UserError | MachineError {
  const text = `--html: cannot write ${path}: ${systemReason(error)}`;
  return isMachineFailure(error) ? new MachineError(text) : new UserError(text);
}
