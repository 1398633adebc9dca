import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Hosts } from './hosts.ts';

const LAUNCHER = resolve('bin/neurofuzz.js');
const PORT = 6379;

/** A campaign on three hosts, and the faults injected into it. */
export interface Disturbance {
  /** Flags of `fuzz`, without `--out`. */
  readonly flags: readonly string[];
  /** Worker processes of each node. */
  readonly jobs: number;
  /**
   * Duration for which the first node is cut off, and the time within it at which the other one is killed, in
   * seconds.
   */
  readonly cut: number;
  readonly killAfter: number;
  /** Size of the corpus at which the first node is cut off. */
  readonly cutAt: number;
  /** Seconds after the reconnection at which the coordinator is killed. */
  readonly killLater: number;
  /** Called with a description of each fault. */
  readonly onFault?: (description: string) => void;
}

/**
 * Runs a campaign on three hosts: Redis and the coordinator on the first, a worker node on each of the others. One
 * node is cut off for a while, the other one is killed meanwhile; then the coordinator is killed and resumed.
 *
 * @param out the campaign's folder
 * @returns its exit code and its standard error
 */
export async function disturbed(
  out: string,
  cache: string,
  { flags, jobs, cut, killAfter, cutAt, killLater, onFault = () => {} }: Disturbance,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const hosts = new Hosts(3);
  try {
    const url = `redis://${hosts.address(0)}:${PORT}`;
    hosts.start(0, 'redis-server', ['--port', String(PORT), '--save', '', '--protected-mode', 'no']);
    const startNode = (host: number): ChildProcess =>
      hosts.start(host, process.execPath, [
        ...[LAUNCHER, 'worker', '--queue', url, '--jobs', String(jobs)],
        ...['--cache', join(cache, String(host))],
      ]);
    const joined = waitForText(startNode(1), ' joined ');
    const otherNode = startNode(2);
    const coordinate = (...more: string[]): ChildProcess =>
      hosts.start(0, process.execPath, [LAUNCHER, ...flags, '--queue', url, '--out', out, ...more]);
    const first = coordinate();
    await joined;
    await grown(out, cutAt, first);
    onFault(`cut off for ${cut} s`);
    hosts.cut(1);
    await pause(1000 * killAfter);
    onFault('the other one killed');
    otherNode.kill('SIGKILL');
    await pause(1000 * (cut - killAfter));
    hosts.mend(1);
    onFault('mended');
    await pause(1000 * killLater);
    onFault('the coordinator killed, and resumed');
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

/** Resolves when a command prints a text to standard error. */
function waitForText({ stderr }: ChildProcess, expected: string): Promise<void> {
  let text = '';
  return new Promise((done) => {
    stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(expected)) done();
    });
  });
}

/** Resolves when a corpus has reached a size. @throws if the campaign ends before */
async function grown(out: string, count: number, coordinator: ChildProcess): Promise<void> {
  const journal = join(out, 'corpus/journal.jsonl');
  while (!existsSync(journal) || readFileSync(journal, 'utf8').split('\n').length < count) {
    if (coordinator.exitCode !== null) throw new Error(`the campaign ended with ${coordinator.exitCode}`);
    await pause(20);
  }
}
