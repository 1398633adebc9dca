/** The request is wrong: flags, campaign file, model or seeds. Exit code 2, one line, no stack trace. */
export class UserError extends Error {
  override readonly name: string = 'UserError';
}

/** A campaign cannot be resumed as it was: the model, its seeds or its settings are others than recorded. */
export class ResumeMismatchError extends UserError {
  override readonly name = 'ChangedError';
  /** What differs, a clause for people. */
  readonly difference: string;

  constructor(what: string, advice: string) {
    super(`--resume: ${what}; ${advice}`);
    this.difference = what;
  }
}

/** The machine failed: disk full, out of memory, no runtime loads. Exit code 3, one line. */
export class MachineError extends Error {
  override readonly name: string = 'MachineError';
}

/** The user ended the command before it had anything to end in order. */
export class InterruptedError extends Error {
  override readonly name: string = 'Interrupted';
}

/** One line of an unknown error's message, for embedding into a message of ours. */
export function errorMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0].trim();
}

const DISK_CODES = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE']);

/** Turns a file system error into the class that its exit code belongs to, naming the path. */
export function fileError(error: unknown, action: string, path: string): UserError | MachineError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (DISK_CODES.has(code)) {
    return new MachineError(`cannot ${action} ${path}: ${describeDiskError(code)}`);
  }
  const why: Record<string, string> = {
    ENOENT: 'no such file or folder',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOTDIR: 'a part of the path is a file, not a folder',
    EISDIR: 'it is a folder, not a file',
    ELOOP: 'too many symbolic links',
    ENAMETOOLONG: 'the name is too long',
  };
  return new UserError(`cannot ${action} ${path}: ${why[code] ?? errorMessage(error)}`);
}

function describeDiskError(code: string): string {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'the disk is full; free some space and run again';
  if (code === 'EIO') return 'the disk reports an input/output error';
  return 'too many open files';
}
