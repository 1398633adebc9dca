/** Invalid flags, campaign file, model or seeds. Printed as one line without a stack trace; exit code 2. */
export class UserError extends Error {
  override readonly name: string = 'UserError';
}

/** A campaign that can't be resumed: its model, seeds or settings differ from the recorded ones. */
export class ResumeMismatchError extends UserError {
  override readonly name = 'ResumeMismatchError';
  /** The difference, as a clause for messages. */
  readonly difference: string;

  constructor(difference: string, advice: string) {
    super(`--resume: ${difference}; ${advice}`);
    this.difference = difference;
  }
}

/** A failure of the machine: disk full, out of memory, no loadable runtime. Printed as one line; exit code 3. */
export class MachineError extends Error {
  override readonly name: string = 'MachineError';
}

/** The user interrupted the command before there was any work to save. */
export class InterruptedError extends Error {
  override readonly name: string = 'InterruptedError';
}

/** First line of the message of any thrown value, for embedding in another message. */
export function errorMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0].trim();
}

const DISK_CODES = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE']);

/**
 * Converts a file system error into a `MachineError` (disk full or failing, too many files) or a `UserError` (all
 * others).
 *
 * @param action verb phrase, which the path follows in the message: `read the seeds`
 */
export function fileError(error: unknown, action: string, path: string): UserError | MachineError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (DISK_CODES.has(code)) {
    return new MachineError(`cannot ${action} ${path}: ${describeDiskError(code)}`);
  }
  const reasons: Record<string, string> = {
    ENOENT: 'no such file or folder',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOTDIR: 'a part of the path is a file, not a folder',
    EISDIR: 'it is a folder, not a file',
    ELOOP: 'too many symbolic links',
    ENAMETOOLONG: 'the name is too long',
  };
  return new UserError(`cannot ${action} ${path}: ${reasons[code] ?? errorMessage(error)}`);
}

function describeDiskError(code: string): string {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'the disk is full; free some space and run again';
  if (code === 'EIO') return 'the disk reports an input/output error';
  return 'too many open files';
}
