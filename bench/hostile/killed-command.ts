import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Ending } from './ending.ts';

const LAUNCHER = resolve('bin/neurofuzz.js');
const INJECTOR = new URL('inject.js', import.meta.url).href;

/** Milliseconds that a process may live on after the command that started it. */
const MAX_ORPHAN_MS = 10_000;

/** Milliseconds that a command may take. */
const TIMEOUT_MS = 300_000;

/** What happens at a numbered call of the file system, in the variables of `inject.ts`. */
export interface Injection {
  readonly action: string;
  readonly at: number;
  readonly stays: boolean;
  /** File for the number of calls. */
  readonly countFile: string;
}

/** A command in processes of its own. */
export class KilledCommand {
  readonly #child;
  readonly #ended: Promise<Ending>;

  constructor(args: readonly string[], injection: Partial<Injection> = {}) {
    const { action = '', at, stays = false, countFile } = injection;
    const variables = {
      NEUROFUZZ_INJECT: action,
      NEUROFUZZ_INJECT_STAYS: stays ? '1' : '0',
      ...(at === undefined ? {} : { NEUROFUZZ_INJECT_AT: String(at) }),
      ...(countFile === undefined ? {} : { NEUROFUZZ_INJECT_COUNT: countFile }),
    };
    const isInjected = Object.keys(injection).length > 0;
    const execArgs = isInjected ? ['--import', INJECTOR] : [];
    this.#child = spawn(process.execPath, [...execArgs, LAUNCHER, ...args], {
      env: { ...process.env, ...(isInjected ? variables : {}) },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: what is left of it can be found.
      detached: true,
    });
    let [stdout, stderr] = ['', ''];
    this.#child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const timer = setTimeout(() => this.killGroup('SIGKILL'), TIMEOUT_MS);
    this.#ended = new Promise((done, failed) => {
      this.#child.on('error', failed);
      this.#child.on('exit', (code) => {
        clearTimeout(timer);
        done({ code, stdout, stderr });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  end(): Promise<Ending> {
    return this.#ended;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends a signal to the command and all processes that it has started. */
  killGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // All of them are gone.
    }
  }

  /** @returns whether every process of the command ends within ten seconds after it; those that do not are killed */
  async leavesNothing(): Promise<boolean> {
    for (const end = performance.now() + MAX_ORPHAN_MS; performance.now() < end; await pause(50)) {
      try {
        process.kill(-this.pid, 0);
      } catch {
        return true;
      }
    }
    this.killGroup('SIGKILL');
    return false;
  }
}

/** Runs a command to its end in processes of its own. */
export function runCommand(args: readonly string[], injection: Partial<Injection> = {}): Promise<Ending> {
  return new KilledCommand(args, injection).end();
}
