import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { treeUse } from '../processes.ts';

/** Milliseconds between samples of memory. */
const SAMPLE_MS = 100;

const LAUNCHER = resolve('bin/neurofuzz.js');

/** How a run of the command ended. */
export interface Step {
  /** Exit code, or the signal that ended it. */
  readonly exit: number | string;
  readonly seconds: number;
  /** Largest sum of resident memory of the command and all processes below it; shared pages count in each. */
  readonly peakMemoryMB: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `neurofuzz` as a user does.
 *
 * @param limitSeconds after which it is killed
 * @param onSample called each time that memory is sampled, with the seconds since the start and the CPU time of all processes until then
 */
export async function neurofuzz(
  args: readonly string[],
  cwd: string,
  limitSeconds: number,
  onSample: (seconds: number, cpuSeconds: number) => void = () => {},
): Promise<Step> {
  const start = performance.now();
  const seconds = (): number => Number(((performance.now() - start) / 1000).toFixed(1));
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let [stdout, stderr, peak] = ['', '', 0];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const sampling = setInterval(() => {
    const { memory, cpuSeconds } = treeUse(child.pid);
    peak = Math.max(peak, memory);
    onSample(seconds(), cpuSeconds);
  }, SAMPLE_MS);
  const killing = setTimeout(() => {
    // Detached, it leads a process group: workers end with it.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, 1000 * limitSeconds);
  try {
    const exit = await new Promise<number | string>((done, failed) => {
      child.on('error', failed);
      child.on('close', (code, signal) => done(code ?? signal ?? 'unknown'));
    });
    return { exit, seconds: seconds(), peakMemoryMB: Math.round(peak / 1e6), stdout, stderr };
  } finally {
    clearInterval(sampling);
    clearTimeout(killing);
  }
}

/** The line on standard error that says why a step failed; undefined where it did what it should. */
export function errorOf({ exit, stderr, seconds }: Step): string | undefined {
  if (exit === 0 || exit === 1) return undefined;
  const lines = stderr.trim().split('\n');
  const said = lines.findLast((line) => line.startsWith('neurofuzz:')) ?? lines.at(-1) ?? '';
  const text = said.replace(/^neurofuzz: |^\d\d:\d\d:\d\d {2}/, '');
  return exit === 'SIGKILL' ? `killed after ${seconds} s; it said last: ${text}` : text;
}
