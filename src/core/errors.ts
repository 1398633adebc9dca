/** Invalid flags, campaign file, model or seeds. Printed as one line without a stack trace; exit code 2. */
export class UserError extends Error {
  override readonly name: string = 'UserError';
}

/**
 * Reads what a flag other than `--seeds` names.
 *
 * @throws UserError that begins with the flag, as `read` throws it
 */
export async function namingFlag<T>(flag: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${flag}: ${error.message.replace(/^cannot read the seeds /, 'cannot read ')}`);
  }
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

/** What failures of the machine mean, by the system's codes. */
const MACHINE_FAILURES = new Map([
  ['ENOSPC', 'the disk is full; free some space and run again'],
  ['EDQUOT', 'the disk quota is used up; free some space and run again'],
  ['EIO', 'the disk reports an input/output error'],
  ['EMFILE', 'too many open files; raise the limit with ulimit -n'],
  ['ENFILE', 'too many open files on this machine'],
  ['ENOMEM', 'out of memory'],
  ['EAGAIN', 'too many processes, or too little memory for another one'],
]);

/** What other codes of the system mean: of the paths that a user names, for the most part. */
const PATH_FAILURES = new Map([
  ['ENOENT', 'no such file or folder'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EROFS', 'the file system is read-only'],
  ['ENOTDIR', 'a part of the path is a file, not a folder'],
  ['EISDIR', 'it is a folder, not a file'],
  ['EEXIST', 'a file is in the place of a folder'],
  ['ELOOP', 'too many symbolic links'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['EPIPE', 'its reader has closed it'],
]);

/** Why a call of the system failed, as a clause; the first line of the error's message where the code is another. */
export function systemReason(error: unknown): string {
  const code = systemCode(error) ?? '';
  return MACHINE_FAILURES.get(code) ?? PATH_FAILURES.get(code) ?? errorMessage(error);
}

/** Whether a call of the system failed for lack of a resource: disk, memory, descriptors, processes. */
export function isMachineFailure(error: unknown): boolean {
  return isMachineFailureCode(systemCode(error) ?? '');
}

/** As `isMachineFailure`, by the system's code, such as `EMFILE`. */
export function isMachineFailureCode(code: string): boolean {
  return MACHINE_FAILURES.has(code);
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/**
 * Converts a file system error into a `MachineError` (disk full or failing, too many files) or a `UserError` (all
 * others).
 *
 * @param action verb phrase, which the path follows in the message: `read the seeds`
 */
export function fileError(error: unknown, action: string, path: string): UserError | MachineError {
  const text = `cannot ${action} ${path}: ${systemReason(error)}`;
  return isMachineFailure(error) ? new MachineError(text) : new UserError(text);
}

/**
 * As `fileError`, for a folder that this process has written to before: whatever has befallen it since (removed, mounted
 * read-only) is no fault of the request.
 */
export function lostFileError(error: unknown, action: string, path: string): MachineError {
  return new MachineError(`cannot ${action} ${path}: ${systemReason(error)}`);
}
