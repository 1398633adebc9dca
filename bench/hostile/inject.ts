/**
 * Preloaded into a command (`node --import`): at a numbered call of the file system it kills the process, or fails the call
 * with an error of the system. Calls that write are counted. Child processes are left alone.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** `kill`, or an error code such as `ENOSPC`; empty to count calls alone. */
const action = process.env.NEUROFUZZ_INJECT ?? '';
/** Number of the call, counted from 1. */
const at = Number(process.env.NEUROFUZZ_INJECT_AT ?? Number.POSITIVE_INFINITY);
/** Whether all calls after it fail as well. */
const stays = process.env.NEUROFUZZ_INJECT_STAYS === '1';
/** File that the number of calls is written to at the end. */
const countFile = process.env.NEUROFUZZ_INJECT_COUNT;

const WRITING = ['appendFile', 'mkdir', 'mkdtemp', 'open', 'rename', 'rm', 'rmdir', 'unlink', 'writeFile'];
const WRITING_SYNC = [...WRITING.map((name) => `${name}Sync`), 'fsyncSync', 'writeSync'];
const OF_HANDLES = ['appendFile', 'datasync', 'sync', 'truncate', 'write', 'writeFile', 'writev'];

/** Standard output and standard error are no files. */
const MAX_STANDARD_DESCRIPTOR = 2;

let calls = 0;

function meet(name: string): void {
  calls++;
  if (calls < at || (calls > at && !stays)) return;
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (action === '') return;
  const error: NodeJS.ErrnoException = new Error(`${action}: injected, ${name}`);
  error.code = action;
  error.syscall = name;
  throw error;
}

type Functions = Record<string, (...args: unknown[]) => unknown>;

function wrap(functions: Functions, names: readonly string[], isAsync: boolean): void {
  for (const name of names) {
    const original = functions[name];
    if (original === undefined) continue;
    functions[name] = function (this: unknown, ...args) {
      if (typeof args[0] === 'number' && args[0] <= MAX_STANDARD_DESCRIPTOR)
        return original.apply(this, args);
      try {
        meet(name);
      } catch (error) {
        if (isAsync) return Promise.reject(error);
        throw error;
      }
      return original.apply(this, args);
    };
  }
}

if (process.send === undefined) {
  const counted = fs.writeFileSync;
  const handle = await fs.promises.open(new URL(import.meta.url), 'r');
  wrap(Object.getPrototypeOf(handle) as Functions, OF_HANDLES, true);
  await handle.close();
  wrap(fs.promises as unknown as Functions, WRITING, true);
  wrap(fs as unknown as Functions, WRITING_SYNC, false);
  syncBuiltinESMExports();
  if (countFile !== undefined) process.on('exit', () => counted(countFile, String(calls)));
}
