import { readFileSync } from 'node:fs';
import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileError, UserError } from '../core/errors.ts';

const LOCK_FILE = 'lock';
const BREAK_FILE = 'lock.break';

/** Milliseconds between signs of life in the lock's time, and without any before an owner elsewhere is dead. */
const BEAT_EVERY = 5_000;
const DEAD_AFTER = 60_000;

/** Milliseconds that taking over takes at most, and the tries and pauses of those who wait for it. */
const BREAKING = 5_000;
const TRIES = 50;
const PAUSE = 100;

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
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string) {
    this.#path = path;
    this.#beat = setInterval(() => {
      const now = new Date();
      // A lock that was taken away shows at the next write; there is nothing to do about it here.
      utimes(path, now, now).catch(() => {});
    }, BEAT_EVERY).unref();
  }

  /** @throws UserError where another process owns the folder */
  static async acquire(folder: string): Promise<Lock> {
    const path = join(folder, LOCK_FILE);
    for (let attempt = 0; attempt < TRIES; attempt++) {
      try {
        if (await created(path)) return new Lock(path);
        const owner = await ownerOf(path);
        if (owner === undefined) continue;
        if (await isAlive(owner, path)) {
          const where = owner.host === hostname() ? '' : ` on ${owner.host}`;
          throw new UserError(
            `${folder} is in use by process ${owner.pid}${where}: wait for its end, or choose another folder with --out`,
          );
        }
        await takeAway(path, join(folder, BREAK_FILE));
      } catch (error) {
        throw error instanceof UserError ? error : fileError(error, 'lock the campaign folder', folder);
      }
    }
    throw new UserError(`${folder} is being taken over by others: try again`);
  }

  async release(): Promise<void> {
    clearInterval(this.#beat);
    await rm(this.#path, { force: true });
  }
}

async function created(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
    await handle.writeFile(`${JSON.stringify(owner)}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Who holds a lock; undefined where it is gone, or being written at this moment. */
async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch (error) {
    if (error instanceof SyntaxError) {
      const { mtimeMs } = await stat(path);
      if (Date.now() - mtimeMs > BREAKING) return { pid: 0, host: hostname(), started: null };
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
    return silent < DEAD_AFTER;
  }
  if (owner.pid <= 0) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return owner.started === null || startOf(owner.pid) === owner.started;
}

/** Removes a dead owner's lock; of several that want to, one does, and none removes a new owner's. */
async function takeAway(path: string, breaking: string): Promise<void> {
  if (!(await created(breaking))) {
    const { mtimeMs } = await stat(breaking).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > BREAKING) await rm(breaking, { force: true });
    await pause();
    return;
  }
  try {
    const owner = await ownerOf(path);
    if (owner !== undefined && !(await isAlive(owner, path))) await rm(path, { force: true });
  } finally {
    await rm(breaking, { force: true });
  }
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, PAUSE));
}

/** When a process started, in clock ticks since the machine did; null where the system does not tell. */
function startOf(pid: number): string | null {
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
