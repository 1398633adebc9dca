import { readFileSync } from 'node:fs';
import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileError, UserError } from '../core/errors.ts';
import { isProcessAlive } from '../core/is-process-alive.ts';

export const LOCK_FILE = 'lock';
const BREAK_FILE = 'lock.break';

/** Interval at which the owner touches the lock file, and its age at which an owner on another host counts as dead. */
const HEARTBEAT_INTERVAL_MS = 5_000;
const DEAD_AFTER_MS = 60_000;

/** Age at which an unfinished takeover counts as abandoned; attempts to acquire a lock, and the delay between them. */
const TAKEOVER_TIMEOUT_MS = 5_000;
const MAX_ATTEMPTS = 50;
const RETRY_DELAY_MS = 100;

/** Another process owns the folder. */
export class LockedError extends UserError {}

/** Whether a process owns a campaign's folder, as far as can be told. */
export async function isLocked(folder: string): Promise<boolean> {
  const path = join(folder, LOCK_FILE);
  // A pipe in its place, in a stranger's folder, would be read for ever.
  const stats = await stat(path).catch(() => undefined);
  const owner = stats?.isFile() === true ? await readOwner(path).catch(() => undefined) : undefined;
  return owner !== undefined && (await isAlive(owner, path));
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Start time of the process in clock ticks since boot; distinguishes it from a later process with the same ID. */
  readonly started: string | null;
}

/**
 * Exclusive lock on a campaign's folder. The lock of a dead process is taken over: on this host, death is determined by
 * process ID and start time; on another host, by the age of the lock file.
 */
export class Lock {
  #path: string;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(path: string) {
    this.#path = path;
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      // If the lock file was removed, the next write to the folder fails; nothing to do here.
      utimes(this.#path, now, now).catch(() => {});
    }, HEARTBEAT_INTERVAL_MS).unref();
  }

  /**
   * @param file name of the lock file: where a single file of the folder is locked, another one than the folder's own
   * @param purpose action and path for the message of an error of the file system
   * @throws LockedError if another process owns it, UserError or MachineError if the lock file can't be written
   */
  static async acquire(
    folder: string,
    file = LOCK_FILE,
    purpose = { action: 'lock the campaign folder', path: folder },
  ): Promise<Lock> {
    const path = join(folder, file);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        if (await tryCreate(path)) return new Lock(path);
        const owner = await readOwner(path);
        if (owner === undefined) continue;
        if (await isAlive(owner, path)) {
          const where = owner.host === hostname() ? '' : ` on ${owner.host}`;
          throw new LockedError(
            `${folder} is in use by process ${owner.pid}${where}: wait until it ends, or choose another folder with --out`,
          );
        }
        await removeDeadLock(path, join(folder, file === LOCK_FILE ? BREAK_FILE : `${file}.break`));
      } catch (error) {
        throw error instanceof UserError ? error : fileError(error, purpose.action, purpose.path);
      }
    }
    throw new UserError(`${folder} is being taken over by another process: try again`);
  }

  /** Tells that the folder, with the lock in it, has been renamed. */
  followTo(folder: string): void {
    this.#path = join(folder, LOCK_FILE);
  }

  /** Removes the lock file. One that can't be removed counts as a dead process's once this one has ended. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    // An error here would hide the one that ended the campaign: the same disk failed.
    await rm(this.#path, { force: true }).catch(() => {});
  }
}

async function tryCreate(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    const owner: Owner = { pid: process.pid, host: hostname(), started: processStart(process.pid) };
    try {
      await handle.writeFile(`${JSON.stringify(owner)}\n`);
    } catch (error) {
      await rm(path, { force: true }).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Reads the owner of a lock; undefined if the lock is gone or is just being written. */
async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch (error) {
    if (error instanceof SyntaxError) {
      const { mtimeMs } = await stat(path);
      if (Date.now() - mtimeMs > TAKEOVER_TIMEOUT_MS) return { pid: 0, host: hostname(), started: null };
      await pause();
      return undefined;
    }
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function isAlive(owner: Owner, path: string): Promise<boolean> {
  if (owner.host !== hostname()) {
    const silentMs = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    return silentMs < DEAD_AFTER_MS;
  }
  if (owner.pid <= 0 || !isProcessAlive(owner.pid)) return false;
  const started = processStart(owner.pid);
  // Unreadable is not another process: the system may hide those of other users.
  return owner.started === null || started === null || started === owner.started;
}

/** Removes a dead owner's lock. A second lock file ensures that of several processes only one removes it, and none removes a new owner's. */
async function removeDeadLock(path: string, breaking: string): Promise<void> {
  if (!(await tryCreate(breaking))) {
    const { mtimeMs } = await stat(breaking).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > TAKEOVER_TIMEOUT_MS) await rm(breaking, { force: true });
    await pause();
    return;
  }
  try {
    const owner = await readOwner(path);
    if (owner !== undefined && !(await isAlive(owner, path))) await rm(path, { force: true });
  } finally {
    await rm(breaking, { force: true });
  }
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, RETRY_DELAY_MS));
}

/** Start time of a process in clock ticks since boot; null if the system does not provide it. */
function processStart(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): field 2 is the program's name in parentheses and may contain anything; field 3 is the state, field 22 the
    // start time.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : fields[19];
  } catch {
    return null;
  }
}
