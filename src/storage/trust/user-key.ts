import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const KEY_BYTES = 32;

/** Permissions of the key: others can neither read nor write it. */
const KEY_MODE = 0o600;
const OTHERS = 0o077;

function configFolder(): string {
  const configured = process.env.XDG_CONFIG_HOME;
  const parent = configured === undefined || configured === '' ? join(homedir(), '.config') : configured;
  return join(parent, 'neurofuzz');
}

/** The user's key on this machine, by which campaigns that were made here are known; undefined where there is none. */
export async function readUserKey(): Promise<Buffer | undefined> {
  const path = join(configFolder(), 'key');
  try {
    // What others can read, they can sign with.
    const isPrivate = process.platform === 'win32' || ((await stat(path)).mode & OTHERS) === 0;
    const key = await readFile(path);
    return isPrivate && key.length === KEY_BYTES ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The user's key, made where there is none; undefined where the configuration folder can't be written. */
export async function ensureUserKey(): Promise<Buffer | undefined> {
  const existing = await readUserKey();
  if (existing !== undefined) return existing;
  const folder = configFolder();
  const unfinished = join(folder, `.tmp-key-${process.pid}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(unfinished, randomBytes(KEY_BYTES), { mode: KEY_MODE });
    // Of two processes that make one at once, the first one's is kept.
    await link(unfinished, join(folder, 'key'));
  } catch {
    // Another process's key is read below; without any, campaigns of this user are not known.
  } finally {
    await rm(unfinished, { force: true }).catch(() => {});
  }
  return readUserKey();
}
