import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, jest } from '@jest/globals';

/** Milliseconds that a test of processes may take. It ends what hangs and asserts nothing: a machine may be slow. */
export const HANGS = 600_000;
jest.setTimeout(HANGS);

/** Milliseconds that something is waited for: less than a test may take, so that its error tells what it was. */
const WAITS = 300_000;

/** How a run of the real command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const LAUNCHER = resolve('bin/neurofuzz.js');

/** Commands that start a process for each core. */
const PARALLEL = ['fuzz', 'contest', 'audit-defense', 'reprogram', 'explain', 'saliency-check', 'tournament'];

/** Commands of tests, which run beside each other, have one worker each unless they ask for more. */
function withOneJob(args: readonly string[]): readonly string[] {
  const isAsked = args.some((arg) => /^(?:-j|--jobs)(?:=|$)/.test(arg));
  return PARALLEL.includes(args[0]) && !isAsked && !args.includes('--help') ? [...args, '-j', '1'] : args;
}

declare global {
  /** See command-host.js. */
  var runCommand: (args: readonly string[]) => Promise<Ended>;
}

/**
 * Runs a command of the built command line to its end, within the process of the tests, one after the other. What tests a
 * process (its signals, its folder, its environment, the time since its start, code of a plug-in) starts one: `neurofuzzProcess`.
 */
export async function neurofuzz(args: readonly string[]): Promise<Ended> {
  return { ...(await runCommand(withOneJob(args))) };
}

/** Runs `neurofuzz` as a user does, in a process of its own, and waits for its end. */
export function neurofuzzProcess(args: readonly string[], cwd = process.cwd()): Promise<Ended> {
  return start(args, cwd).ended;
}

const started = new Set<ChildProcess>();

/** What a failed test leaves running would slow down all that come after it. */
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
});

/** A command that a test can signal. */
export type Running = ReturnType<typeof start>;

/** Starts `neurofuzz`, so that a test can signal it. */
export function start(
  args: readonly string[],
  cwd = process.cwd(),
  env: Readonly<Record<string, string>> = {},
) {
  const child = spawn(process.execPath, [LAUNCHER, ...withOneJob(args)], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  child.once('close', () => started.delete(child));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((done, failed) => {
    child.on('error', failed);
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
  return { child, ended, stderr: () => stderr };
}

const isOver = ({ child }: Running): boolean => child.exitCode !== null || child.signalCode !== null;

function overTold({ child, stderr }: Running, what: string): Error {
  const end = child.signalCode ?? `exit code ${child.exitCode}`;
  return new Error(`${what}: the command ended with ${end} and said ${JSON.stringify(stderr())}`);
}

/**
 * Waits until something is.
 *
 * @param what it is, for the error
 * @param commands without which it will never be
 * @throws where one of them ends before, or nothing comes of it
 */
export async function until(
  what: string,
  is: () => boolean | Promise<boolean>,
  ...commands: readonly Running[]
): Promise<void> {
  for (const end = Date.now() + WAITS; ; await pause(20)) {
    // It may have done so with its last breath.
    const over = commands.find(isOver);
    if (await is()) return;
    if (over !== undefined) throw overTold(over, `waited in vain for ${what}`);
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
  }
}

/**
 * Waits until something is while a command is in the middle of its work, so that a test can disturb it.
 *
 * @throws where the command is over by then: there is nothing left to disturb
 */
export async function amid(
  command: Running,
  what: string,
  is: () => boolean | Promise<boolean>,
): Promise<void> {
  await until(what, is, command);
  if (isOver(command)) throw overTold(command, `too late, after ${what}`);
}

/** Numbers of the processes that a command has started. */
export function processesOf({ child }: Running): number[] {
  try {
    return execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number);
  } catch {
    return [];
  }
}
