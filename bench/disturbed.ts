import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Hosts } from './hosts.ts';

const LAUNCHER = resolve('bin/neurofuzz.js');
const PORT = 6379;

/** A campaign on three hosts, and what happens to them. */
export interface Disturbance {
  /** Flags of `fuzz`, without `--out`. */
  readonly flags: readonly string[];
  /** Worker processes of each machine. */
  readonly jobs: number;
  /** Seconds that the first machine is cut off, and those of them before the other one is killed. */
  readonly cut: number;
  readonly killAfter: number;
  /** Testcases in the corpus at which it is cut off, once it has joined. */
  readonly cutAt: number;
  /** Seconds after it is mended at which the coordinator is killed. */
  readonly killLater: number;
  /** Told what happens. */
  readonly told?: (what: string) => void;
}

/**
 * Runs a campaign on three hosts: Redis and the coordinator on the first, a machine on each of the others. One is cut off for a while,
 * the other one killed meanwhile; then the coordinator is killed and resumed.
 *
 * @param out the campaign's folder
 * @returns its exit code, and what it wrote to standard error
 */
export async function disturbed(
  out: string,
  cache: string,
  { flags, jobs, cut, killAfter, cutAt, killLater, told = () => {} }: Disturbance,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const hosts = new Hosts(3);
  try {
    const url = `redis://${hosts.address(0)}:${PORT}`;
    hosts.start(0, 'redis-server', ['--port', String(PORT), '--save', '', '--protected-mode', 'no']);
    const machine = (host: number): ChildProcess =>
      hosts.start(host, process.execPath, [
        ...[LAUNCHER, 'worker', '--queue', url, '--jobs', String(jobs)],
        ...['--cache', join(cache, String(host))],
      ]);
    const joined = says(machine(1), 'takes part');
    const other = machine(2);
    const coordinate = (...more: string[]): ChildProcess =>
      hosts.start(0, process.execPath, [LAUNCHER, ...flags, '--queue', url, '--out', out, ...more]);
    const first = coordinate();
    await joined;
    await grown(out, cutAt, first);
    told(`cut off for ${cut} s`);
    hosts.cut(1);
    await pause(1000 * killAfter);
    told('the other one killed');
    other.kill('SIGKILL');
    await pause(1000 * (cut - killAfter));
    hosts.mend(1);
    told('mended');
    await pause(1000 * killLater);
    told('the coordinator killed, and resumed');
    const killed = new Promise((done) => first.once('exit', done));
    if (first.exitCode !== null) throw new Error('the campaign ended too soon');
    first.kill('SIGKILL');
    await killed;
    const second = coordinate('--resume');
    let stderr = '';
    second.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = await new Promise<number | null>((done) => second.once('close', done));
    return { code, stderr };
  } finally {
    await hosts.close();
  }
}

/** Waits until a command says something on standard error. */
function says({ stderr }: ChildProcess, what: string): Promise<void> {
  let text = '';
  return new Promise((done) => {
    stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(what)) done();
    });
  });
}

/** Waits until a campaign has so many testcases. @throws where it ends before */
async function grown(out: string, count: number, coordinator: ChildProcess): Promise<void> {
  const journal = join(out, 'corpus/journal.jsonl');
  while (!existsSync(journal) || readFileSync(journal, 'utf8').split('\n').length < count) {
    if (coordinator.exitCode !== null) throw new Error(`the campaign ended with ${coordinator.exitCode}`);
    await pause(20);
  }
}
