import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Lock } from '../../src/storage/lock.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

function campaign(name: string, lock?: unknown): string {
  const path = join(folder, name);
  mkdirSync(path);
  if (lock !== undefined)
    writeFileSync(join(path, 'lock'), typeof lock === 'string' ? lock : JSON.stringify(lock));
  return path;
}

/** Number of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((done) => child.on('close', done));
  return child.pid as number;
}

test('a folder has one owner, until that one lets go', async () => {
  const path = campaign('one');
  const lock = await Lock.acquire(path);
  await expect(Lock.acquire(path)).rejects.toThrow(
    new RegExp(
      `one is in use by process ${process.pid}: wait until it ends, or choose another folder with --out`,
    ),
  );
  await lock.release();
  expect(existsSync(join(path, 'lock'))).toBe(false);
  await (await Lock.acquire(path)).release();
});

test('letting go of a folder whose disk failed hides no other error', async () => {
  const path = campaign('lost');
  const lock = await Lock.acquire(path);
  rmSync(path, { recursive: true });
  writeFileSync(path, '');
  await expect(lock.release()).resolves.toBeUndefined();
});

test.each([
  ['is gone', async () => ({ pid: await deadProcess(), host: hostname(), started: '1' })],
  ['was another with the same number', async () => ({ pid: process.pid, host: hostname(), started: '1' })],
])('the lock of a process that %s is taken over', async (name, owner) => {
  const path = campaign(name, await owner());
  const lock = await Lock.acquire(path);
  expect(JSON.parse(readFileSync(join(path, 'lock'), 'utf8')).pid).toBe(process.pid);
  expect(existsSync(join(path, 'lock.break'))).toBe(false);
  await lock.release();
});

test('the lock of another machine holds while it is touched, and no longer', async () => {
  const path = campaign('elsewhere', { pid: 1, host: 'another-machine', started: null });
  await expect(Lock.acquire(path)).rejects.toThrow(/in use by process 1 on another-machine/);
  const old = new Date(Date.now() - 120_000);
  utimesSync(join(path, 'lock'), old, old);
  await (await Lock.acquire(path)).release();
});

test('of many that take over a dead lock at once, one gets it', async () => {
  const path = campaign('many', { pid: await deadProcess(), host: hostname(), started: '1' });
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => Lock.acquire(path)));
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1);
});

test('a lock that was torn as it was written, and one left while taking over, hold nobody up for long', async () => {
  const path = campaign('torn', '{"pid":');
  writeFileSync(join(path, 'lock.break'), '');
  const old = new Date(Date.now() - 60_000);
  for (const name of ['lock', 'lock.break']) utimesSync(join(path, name), old, old);
  await (await Lock.acquire(path)).release();
});
