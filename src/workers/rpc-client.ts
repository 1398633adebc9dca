import { type ChildProcess, fork } from 'node:child_process';
import { MachineError, UserError } from '../core/errors.ts';
import type { FailureKind } from '../objectives/crash-signature.ts';
import { MEMORY_MARK } from './watchdog.ts';

/** What a process answers to: functions of one plain parameter. */
// biome-ignore lint/suspicious/noExplicitAny: parameters and results are those of the methods' own types
export type Api = Readonly<Record<string, (parameters: any) => any>>;

type RpcResult<A extends Api, M extends keyof A> = Awaited<ReturnType<A[M]>>;

/** A call on its way to a process. */
export interface RpcRequest {
  readonly id: number;
  readonly method: string;
  readonly parameters: unknown;
}

/** What a process sends: an answer, an error, or a sign of life. */
export interface RpcReply {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
  /** Bytes of memory held, now and then. */
  readonly rss?: number;
}

/** The process ended before it answered. */
export class ProcessDied extends Error {
  override readonly name: string = 'ProcessDied';
  readonly kind: FailureKind;
  /** The signal or exit code, such as `SIGSEGV` or `exit 3`. */
  readonly exitStatus: string;

  constructor(kind: FailureKind, how: string, said: string) {
    super(`the process ended with ${how}${said === '' ? '' : `: ${said}`}`);
    this.kind = kind;
    this.exitStatus = how;
  }
}

export interface RpcClientOptions {
  readonly script: URL;
  /** Milliseconds without a sign of life before a call counts as a hang. */
  readonly timeout: number;
  /** Bytes of memory before the process ends itself. */
  readonly memory: number;
  /** Folder for what it writes in passing; the system's unless told. */
  readonly tempFolder?: string;
}

/** Limits of a process, whatever it runs. */
export type ProcessLimits = Omit<RpcClientOptions, 'script'>;

/** A process that answers calls. */
export interface RpcProcess<A extends Api> {
  readonly pid: number;
  readonly isAlive: boolean;
  readonly memory: { readonly rss: number; readonly peak: number };
  call<M extends keyof A & string>(
    method: M,
    parameters: Parameters<A[M]>[0],
    timeout?: number,
  ): Promise<RpcResult<A, M>>;
  kill(): void;
}

/** Starts a process within limits. */
export type SpawnProcess<A extends Api> = (limits: ProcessLimits) => RpcProcess<A>;

interface PendingCall {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly timeout: number;
}

/** Last characters of standard error that are kept. */
const MAX_STDERR_CHARACTERS = 2000;

/** Milliseconds between looks at the clock. */
const CLOCK_INTERVAL_MS = 100;

/** A process of our own that runs models, so that one that aborts, hangs or eats the memory ends alone. */
export class RpcClient<A extends Api> implements RpcProcess<A> {
  readonly #process: ChildProcess;
  readonly #options: RpcClientOptions;
  readonly #pending = new Map<number, PendingCall>();
  readonly #clock: NodeJS.Timeout;
  #nextId = 1;
  #lastHeard = performance.now();
  #stderrTail = '';
  #killReason: FailureKind | 'done' | undefined;
  #death: ProcessDied | undefined;
  #rss = 0;
  #peakRss = 0;

  constructor(options: RpcClientOptions) {
    this.#options = options;
    this.#process = fork(options.script, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
      env: {
        ...process.env,
        NEUROFUZZ_MEMORY: String(options.memory),
        ...(options.tempFolder === undefined ? {} : { TMPDIR: options.tempFolder }),
      },
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderrTail = (this.#stderrTail + chunk.toString()).slice(-MAX_STDERR_CHARACTERS);
    });
    this.#process.on('message', (reply: RpcReply) => this.#receive(reply));
    this.#process.on('close', (code, signal) => this.#handleClose(code, signal));
    this.#process.on('error', (error) => this.#rejectPending(new ProcessDied('crash', error.message, '')));
    this.#clock = setInterval(() => this.#checkClock(), CLOCK_INTERVAL_MS).unref();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.#death === undefined && this.#killReason === undefined;
  }

  /** Bytes of memory held, as last heard, and the most ever heard. */
  get memory(): { readonly rss: number; readonly peak: number } {
    return { rss: this.#rss, peak: this.#peakRss };
  }

  /**
   * Calls a method. Calls are answered in the order in which they are made.
   *
   * @param timeout milliseconds without a sign of life before the process is ended
   * @throws ProcessDied where it ends first; UserError, MachineError or Error as the method throws
   */
  call<M extends keyof A & string>(
    method: M,
    parameters: Parameters<A[M]>[0],
    timeout = this.#options.timeout,
  ): Promise<RpcResult<A, M>> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    const id = this.#nextId++;
    if (this.#pending.size === 0) this.#lastHeard = performance.now();
    return new Promise((done, failed) => {
      this.#pending.set(id, { resolve: done as PendingCall['resolve'], reject: failed, timeout });
      const request: RpcRequest = { id, method, parameters };
      // A process that is ending can't be written to; its end is what counts.
      this.#process.send(request, () => {});
    });
  }

  /** Ends the process at once; it holds nothing that is not elsewhere. */
  kill(): void {
    this.#killReason ??= 'done';
    clearInterval(this.#clock);
    this.#process.kill('SIGKILL');
  }

  #receive(reply: RpcReply): void {
    this.#lastHeard = performance.now();
    if (reply.rss !== undefined) {
      this.#rss = reply.rss;
      this.#peakRss = Math.max(this.#peakRss, reply.rss);
    }
    if (reply.id === undefined) return;
    const waiting = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.error === undefined) waiting?.resolve(reply.result as never);
    else waiting?.reject(reviveError(reply.error));
  }

  #checkClock(): void {
    const [first] = this.#pending.values();
    if (first === undefined || performance.now() - this.#lastHeard < first.timeout) return;
    this.#killReason = 'hang';
    this.#process.kill('SIGKILL');
  }

  #handleClose(code: number | null, signal: NodeJS.Signals | null): void {
    const how = signal ?? `exit ${code}`;
    const ranOut =
      this.#stderrTail.includes(MEMORY_MARK) || /heap out of memory|bad_alloc/.test(this.#stderrTail);
    // Nobody but the system's own guard of the memory ends our processes with SIGKILL.
    const byOthers = signal === 'SIGKILL' && this.#killReason === undefined;
    const kind = this.#killReason === 'hang' ? 'hang' : ranOut || byOthers ? 'memory' : 'crash';
    const said = this.#stderrTail.trim().split('\n').at(-1) ?? '';
    this.#rejectPending(new ProcessDied(kind, how, said));
  }

  #rejectPending(died: ProcessDied): void {
    if (this.#death !== undefined) return;
    this.#death = died;
    clearInterval(this.#clock);
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(died);
  }
}

function reviveError({ name, message }: { readonly name: string; readonly message: string }): Error {
  if (name === 'UserError') return new UserError(message);
  return name === 'MachineError' ? new MachineError(message) : new Error(message);
}
