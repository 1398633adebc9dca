import { readFileSync } from 'node:fs';
import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileError, UserError } from '../core/errors.ts';

const LOCK_FILE = 'lock';
const BREAK_FILE = 'lock.break';

/** Milliseconds between signs of life in the lock's time, and without any before an owner elsewhere is dead. */
const HEARTBEAT_INTERVAL_MS = 5_000;
const DEAD_AFTER_MS = 60_000;

/** Milliseconds that taking over takes at most, and the tries and pauses of those who wait for it. */
const TAKEOVER_TIMEOUT_MS = 5_000;
const MAX_ATTEMPTS = 50;
const RETRY_DELAY_MS = 100;

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process started, as its system counts; tells it from a later one of the same number. */
  readonly started: string | null;
}

/**
 * The campaign folder's one owner. The lock of a process that died is taken over: on this machine its
 * number and start say so, elsewhere the silence of its lock.
 */
export class Lock {
  readonly #path: string;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(path: string) {
    this.#path = path;
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      // A lock that was taken away shows at the next write; there is nothing to do about it here.
      utimes(path, now, now).catch(() => {});
    }, HEARTBEAT_INTERVAL_MS).unref();
  }

  /** @throws UserError where another process owns the folder */
  static async acquire(folder: string): Promise<Lock> {
    const path = join(folder, LOCK_FILE);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        if (await tryCreate(path)) return new Lock(path);
        const owner = await readOwner(path);
        if (owner === undefined) continue;
        if (await isAlive(owner, path)) {
          const where = owner.host === hostname() ? '' : ` on ${owner.host}`;
          throw new UserError(
            `${folder} is in use by process ${owner.pid}${where}: wait for its end, or choose another folder with --out`,
          );
        }
        await removeDeadLock(path, join(folder, BREAK_FILE));
      } catch (error) {
        throw error instanceof UserError ? error : fileError(error, 'lock the campaign folder', folder);
      }
    }
    throw new UserError(`${folder} is being taken over by others: try again`);
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    await rm(this.#path, { force: true });
  }
}

async function tryCreate(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    const owner: Owner = { pid: process.pid, host: hostname(), started: processStart(process.pid) };
    await handle.writeFile(`${JSON.stringify(owner)}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Who holds a lock; undefined where it is gone, or being written at this moment. */
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
    const silent = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    return silent < DEAD_AFTER_MS;
  }
  if (owner.pid <= 0) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return owner.started === null || processStart(owner.pid) === owner.started;
}

/** Removes a dead owner's lock; of several that want to, one does, and none removes a new owner's. */
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

/** When a process started, in clock ticks since the machine did; null where the system does not tell. */
function processStart(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything; the third is the state,
    // the 22nd the start.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : fields[19];
  } catch {
    return null;
  }
}
