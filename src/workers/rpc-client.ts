import { type ChildProcess, fork } from 'node:child_process';
import { MachineError, systemReason, UserError } from '../core/errors.ts';
import { exitReason } from '../core/exit-reason.ts';
import { ALLOWED_PLUGINS_VARIABLE } from '../extensions/allowed-plugins.ts';
import type { FailureKind } from '../objectives/crash-signature.ts';
import { ArrayFiles, arrayFolder } from './array-files.ts';
import { OomWatch } from './lifetime/oom-kills.ts';
import { OOM_KILL_MARK, ProcessDied } from './lifetime/process-died.ts';
import { activityOf, RunningTime } from './lifetime/running-time.ts';
import { LOADING_MARK, MEMORY_MARK } from './watchdog.ts';

/** Methods of a process: functions of one plain parameter. */
// biome-ignore lint/suspicious/noExplicitAny: parameters and results are those of the methods' own types
export type Api = Readonly<Record<string, (parameters: any) => any>>;

/** What a method of a process answers. */
export type RpcResult<A extends Api, M extends keyof A> = Awaited<ReturnType<A[M]>>;

/** A call as it is sent to a process. */
export interface RpcRequest {
  readonly id: number;
  readonly method: string;
  readonly parameters: unknown;
}

/** Message of a process: an answer, an error, or a heartbeat. */
export interface RpcReply {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
  /** Bytes of memory held; with some of the messages. */
  readonly rss?: number;
  /** How far the call in progress has come, in units of its own; with some of the heartbeats. */
  readonly progress?: number;
}

/** Called with how far a call has come. */
export type OnProgress = (done: number) => void;

export interface RpcClientOptions {
  readonly script: URL;
  /** Milliseconds without a heartbeat before a call counts as a hang. */
  readonly timeout: number;
  /** Bytes of memory before the process ends itself. */
  readonly memory: number;
  /** Whether nobody asked for that much: what the sizes of the model and its inputs account for is a limit as well. */
  readonly isMemoryAssumed?: boolean;
  /** Absolute paths of the plug-ins that it may import; any that this process may by default. */
  readonly plugins?: readonly string[] | undefined;
  /** Folder for temporary files; the system's by default. */
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
    onProgress?: OnProgress,
  ): Promise<RpcResult<A, M>>;
  kill(): void;
}

/** Starts a process within limits. */
export type SpawnProcess<A extends Api> = (limits: ProcessLimits) => RpcProcess<A>;

interface PendingCall {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly timeout: number;
  readonly onProgress: OnProgress | undefined;
}

/** Length of the tail of standard error that is kept. */
const MAX_STDERR_CHARACTERS = 2000;

/** Milliseconds between checks for a hang. */
const CLOCK_INTERVAL_MS = 100;

/** A child process that runs models: one that aborts, hangs or exhausts memory takes nothing else with it. */
export class RpcClient<A extends Api> implements RpcProcess<A> {
  readonly #process: ChildProcess;
  readonly #options: RpcClientOptions;
  readonly #arrays: ArrayFiles;
  readonly #pending = new Map<number, PendingCall>();
  readonly #clock: NodeJS.Timeout;
  readonly #silence: RunningTime;
  readonly #oomWatch = new OomWatch();
  #nextId = 1;
  #stderrTail = '';
  #killReason: FailureKind | 'done' | undefined;
  #death: ProcessDied | MachineError | undefined;
  #rss = 0;
  #peakRss = 0;

  constructor(options: RpcClientOptions) {
    this.#options = options;
    const folder = arrayFolder();
    this.#arrays = new ArrayFiles(folder, 'request-');
    this.#process = fork(options.script, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
      env: {
        ...process.env,
        NEUROFUZZ_MEMORY: String(options.memory),
        NEUROFUZZ_MEMORY_ASSUMED: options.isMemoryAssumed === true ? '1' : '',
        NEUROFUZZ_ARRAYS: folder,
        ...(options.plugins === undefined
          ? {}
          : { [ALLOWED_PLUGINS_VARIABLE]: JSON.stringify(options.plugins) }),
        ...(options.tempFolder === undefined ? {} : { TMPDIR: options.tempFolder }),
      },
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderrTail = (this.#stderrTail + chunk.toString()).slice(-MAX_STDERR_CHARACTERS);
    });
    this.#process.on('message', (reply: RpcReply) => this.#receive(reply));
    this.#process.on('close', (code, signal) => this.#handleClose(code, signal));
    this.#process.on('error', (error) =>
      this.#rejectPending(new MachineError(`cannot start a process: ${systemReason(error)}`)),
    );
    this.#silence = new RunningTime(() => activityOf(this.pid));
    this.#clock = setInterval(() => this.#checkClock(), CLOCK_INTERVAL_MS).unref();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.#death === undefined && this.#killReason === undefined;
  }

  /** Bytes of memory held, as last reported, and the most ever reported. */
  get memory(): { readonly rss: number; readonly peak: number } {
    return { rss: this.#rss, peak: this.#peakRss };
  }

  /**
   * Calls a method. Calls are answered in the order in which they are made.
   *
   * @param timeout milliseconds without a heartbeat before the process is ended
   * @param onProgress called with the progress that heartbeats report
   * @throws ProcessDied where it ends first, MachineError where that is the machine's failure; UserError, MachineError or
   *   Error as the method throws
   */
  call<M extends keyof A & string>(
    method: M,
    parameters: Parameters<A[M]>[0],
    timeout = this.#options.timeout,
    onProgress?: OnProgress,
  ): Promise<RpcResult<A, M>> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    const id = this.#nextId++;
    if (this.#pending.size === 0) this.#silence.reset();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as PendingCall['resolve'], reject, timeout, onProgress });
      const request: RpcRequest = { id, method, parameters: this.#arrays.pack(parameters) };
      // Writing fails where the process is ending; its `close` event rejects the call.
      this.#process.send(request, () => {});
    });
  }

  /** Ends the process at once; it has no state worth saving. */
  kill(): void {
    this.#killReason ??= 'done';
    clearInterval(this.#clock);
    this.#process.kill('SIGKILL');
    this.#arrays.remove();
  }

  #receive(reply: RpcReply): void {
    this.#silence.reset();
    if (reply.rss !== undefined) {
      this.#rss = reply.rss;
      this.#peakRss = Math.max(this.#peakRss, reply.rss);
    }
    if (reply.id === undefined) {
      const [running] = this.#pending.values();
      if (reply.progress !== undefined) running?.onProgress?.(reply.progress);
      return;
    }
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.error !== undefined) {
      pending?.reject(reviveError(reply.error));
      return;
    }
    try {
      pending?.resolve(this.#arrays.unpack(reply.result) as never);
    } catch (error) {
      pending?.reject(new MachineError(`cannot read what a process computed: ${systemReason(error)}`));
    }
  }

  #checkClock(): void {
    this.#oomWatch.tick();
    const [first] = this.#pending.values();
    if (first === undefined || !this.#silence.exceeds(first.timeout)) return;
    this.#killReason = 'hang';
    this.#process.kill('SIGKILL');
  }

  #handleClose(code: number | null, signal: NodeJS.Signals | null): void {
    this.#arrays.remove();
    const exitStatus = signal ?? `exit ${code}`;
    const reason = exitReason(this.#stderrTail);
    this.#rejectPending(
      reason.isMachineFailure
        ? new MachineError(`a process ended because the machine failed: ${reason.text}`)
        : this.#deathBy(exitStatus, reason.text),
    );
  }

  #deathBy(exitStatus: string, lastLine: string): ProcessDied {
    if (this.#killReason === 'hang') return new ProcessDied('hang', exitStatus, lastLine);
    const hasExceeded = [MEMORY_MARK, LOADING_MARK].some((mark) => this.#stderrTail.includes(mark));
    // Where neither this program nor the watchdog sent SIGKILL, somebody else did, or the kernel for want of memory.
    const isForeign = exitStatus === 'SIGKILL' && this.#killReason === undefined && !hasExceeded;
    if (isForeign && this.#oomWatch.hasKilled()) return new ProcessDied('memory', exitStatus, OOM_KILL_MARK);
    const ranOut = hasExceeded || /heap out of memory|bad_alloc/.test(this.#stderrTail);
    return new ProcessDied(ranOut ? 'memory' : 'crash', exitStatus, lastLine);
  }

  #rejectPending(died: ProcessDied | MachineError): void {
    if (this.#death !== undefined) return;
    this.#death = died;
    clearInterval(this.#clock);
    const rejected = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of rejected) reject(died);
  }
}

function reviveError({ name, message }: { readonly name: string; readonly message: string }): Error {
  if (name === 'UserError') return new UserError(message);
  return name === 'MachineError' ? new MachineError(message) : new Error(message);
}
