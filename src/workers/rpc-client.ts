import { type ChildProcess, fork } from 'node:child_process';
import { MachineError, UserError } from '../core/errors.ts';
import type { FailureKind } from '../objectives/crash-signature.ts';
import { MEMORY_MARK } from './watchdog-mark.ts';

/** What a process answers to: functions of one plain parameter. */
// biome-ignore lint/suspicious/noExplicitAny: parameters and results are those of the methods' own types
export type Api = Readonly<Record<string, (parameters: any) => any>>;

type Answer<A extends Api, M extends keyof A> = Awaited<ReturnType<A[M]>>;

/** A call on its way to a process. */
export interface Request {
  readonly id: number;
  readonly method: string;
  readonly parameters: unknown;
}

/** What a process sends: an answer, an error, or a sign of life. */
export interface Reply {
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
  readonly how: string;

  constructor(kind: FailureKind, how: string, said: string) {
    super(`the process ended with ${how}${said === '' ? '' : `: ${said}`}`);
    this.kind = kind;
    this.how = how;
  }
}

export interface ChildOptions {
  readonly script: URL;
  /** Milliseconds without a sign of life before a call counts as a hang. */
  readonly timeout: number;
  /** Bytes of memory before the process ends itself. */
  readonly memory: number;
  /** Folder for what it writes in passing; the system's unless told. */
  readonly scratch?: string;
}

interface Waiting {
  readonly done: (result: never) => void;
  readonly failed: (error: Error) => void;
  readonly timeout: number;
}

/** Last characters of standard error that are kept. */
const TAIL = 2000;

/** Milliseconds between looks at the clock. */
const LOOK_EVERY = 100;

/** A process of our own that runs models, so that one that aborts, hangs or eats the memory ends alone. */
export class Child<A extends Api> {
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #look: NodeJS.Timeout;
  #next = 1;
  #heard = performance.now();
  #tail = '';
  #killed: FailureKind | 'done' | undefined;
  #ended: ProcessDied | undefined;
  #rss = 0;
  #peak = 0;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#process = fork(options.script, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
      env: {
        ...process.env,
        NEUROFUZZ_MEMORY: String(options.memory),
        ...(options.scratch === undefined ? {} : { TMPDIR: options.scratch }),
      },
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#tail = (this.#tail + chunk.toString()).slice(-TAIL);
    });
    this.#process.on('message', (reply: Reply) => this.#receive(reply));
    this.#process.on('close', (code, signal) => this.#end(code, signal));
    this.#process.on('error', (error) => this.#fail(new ProcessDied('crash', error.message, '')));
    this.#look = setInterval(() => this.#checkClock(), LOOK_EVERY).unref();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get alive(): boolean {
    return this.#ended === undefined && this.#killed === undefined;
  }

  /** Bytes of memory held, as last heard, and the most ever heard. */
  get memory(): { readonly rss: number; readonly peak: number } {
    return { rss: this.#rss, peak: this.#peak };
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
  ): Promise<Answer<A, M>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#next++;
    if (this.#waiting.size === 0) this.#heard = performance.now();
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done: done as Waiting['done'], failed, timeout });
      const request: Request = { id, method, parameters };
      // A process that is ending can't be written to; its end is what counts.
      this.#process.send(request, () => {});
    });
  }

  /** Ends the process at once; it holds nothing that is not elsewhere. */
  kill(): void {
    this.#killed ??= 'done';
    clearInterval(this.#look);
    this.#process.kill('SIGKILL');
  }

  #receive(reply: Reply): void {
    this.#heard = performance.now();
    if (reply.rss !== undefined) {
      this.#rss = reply.rss;
      this.#peak = Math.max(this.#peak, reply.rss);
    }
    if (reply.id === undefined) return;
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.error === undefined) waiting?.done(reply.result as never);
    else waiting?.failed(revived(reply.error));
  }

  #checkClock(): void {
    const [first] = this.#waiting.values();
    if (first === undefined || performance.now() - this.#heard < first.timeout) return;
    this.#killed = 'hang';
    this.#process.kill('SIGKILL');
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    const how = signal ?? `exit ${code}`;
    const ranOut = this.#tail.includes(MEMORY_MARK) || /heap out of memory|bad_alloc/.test(this.#tail);
    // Nobody but the system's own guard of the memory ends our processes with SIGKILL.
    const byOthers = signal === 'SIGKILL' && this.#killed === undefined;
    const kind = this.#killed === 'hang' ? 'hang' : ranOut || byOthers ? 'memory' : 'crash';
    const said = this.#tail.trim().split('\n').at(-1) ?? '';
    this.#fail(new ProcessDied(kind, how, said));
  }

  #fail(died: ProcessDied): void {
    if (this.#ended !== undefined) return;
    this.#ended = died;
    clearInterval(this.#look);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { failed } of waiting) failed(died);
  }
}

function revived({ name, message }: { readonly name: string; readonly message: string }): Error {
  if (name === 'UserError') return new UserError(message);
  return name === 'MachineError' ? new MachineError(message) : new Error(message);
}
