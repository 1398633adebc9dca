import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** How a run of the real command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const LAUNCHER = resolve('bin/neurofuzz.js');

/** Campaigns of tests, which run beside each other, have one worker each unless they ask for more. */
function withOneJob(args: readonly string[]): readonly string[] {
  const isAsked = args.some((arg) => /^(?:-j|--jobs)(?:=|$)/.test(arg));
  return args[0] === 'fuzz' && !isAsked && !args.includes('--help') ? [...args, '-j', '1'] : args;
}

/** Runs `neurofuzz` as a user does and waits for its end. */
export function neurofuzz(args: readonly string[], cwd = process.cwd()): Promise<Ended> {
  return start(args, cwd).ended;
}

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
