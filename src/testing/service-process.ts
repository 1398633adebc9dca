import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { InterruptedError, MachineError, UserError } from '../core/errors.ts';
import { processScript } from '../core/package-files.ts';
import type { FaultSummary, FuzzProgress } from './api.ts';
import type {
  CampaignServiceApi,
  ErrorKind,
  MethodName,
  ServiceMessage,
  ServiceRequest,
} from './protocol.ts';

/** Milliseconds that the process has to end by itself before it is killed. */
const EXIT_MS = 30_000;

/** Characters of its standard error that are kept for the message about its end. */
const MAX_ERROR_TEXT = 4096;

const ERRORS: Readonly<Record<ErrorKind, new (message: string) => Error>> = {
  UserError,
  MachineError,
  InterruptedError,
};

/** Listeners to a campaign. */
export interface ServiceListeners {
  readonly onFault?: ((fault: FaultSummary) => void) | undefined;
  readonly onProgress?: ((progress: FuzzProgress) => void) | undefined;
}

interface PendingCall {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** The process of the campaign service, as its client sees it. */
export class ServiceProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #pending = new Map<number, PendingCall>();
  #calls = 0;
  #errorText = '';

  constructor({ onFault, onProgress }: ServiceListeners = {}) {
    this.#child = fork(fileURLToPath(processScript('campaign-service')), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Flags of the test runner, such as --inspect, are not for this process.
      execArgv: [],
      env: { ORT_DISABLE_TELEMETRY: '1', ...process.env },
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errorText = (this.#errorText + chunk.toString()).slice(-MAX_ERROR_TEXT);
    });
    this.#child.on('message', (message: ServiceMessage) => {
      if ('fault' in message) onFault?.(message.fault);
      else if ('progress' in message) onProgress?.(message.progress);
      else this.#settle(message);
    });
    this.#exited = new Promise((done) => {
      const end = (reason: string): void => {
        this.#rejectAll(reason);
        done();
      };
      this.#child.once('error', (error) => end(error.message));
      // Node.js emits no `close` once `disconnect` was called.
      this.#child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  /**
   * Calls a method of the service.
   *
   * @throws UserError, MachineError or InterruptedError as the method does; MachineError where the process ends
   */
  call<M extends MethodName>(
    method: M,
    params: Parameters<CampaignServiceApi[M]>[0],
  ): ReturnType<CampaignServiceApi[M]> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ id, method, params });
    }) as ReturnType<CampaignServiceApi[M]>;
  }

  /** Has the running call end in order. */
  abort(): void {
    this.#send({ abort: true });
  }

  /** Ends the process, and waits until it and its workers are gone. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), EXIT_MS);
    if (this.#child.connected) this.#child.disconnect();
    await this.#exited;
    clearTimeout(timer);
  }

  #send(request: ServiceRequest): void {
    if (!this.#child.connected) return;
    this.#child.send(request, (error) => {
      if (error !== null) this.#rejectAll(error.message);
    });
  }

  #settle(message: Extract<ServiceMessage, { id: number }>): void {
    const call = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ('result' in message) call?.resolve(message.result as never);
    else call?.reject(errorOf(message.error));
  }

  #rejectAll(reason: string): void {
    const lines = this.#errorText.trim().split('\n');
    // Below an error stand its stack and the version of Node.js.
    const lastLine = lines.findLast((line) => /^(?:\w+)?Error: /.test(line)) ?? lines.at(-1) ?? '';
    const error = new MachineError(
      `the process of the campaign ended: ${reason}${lastLine === '' ? '' : `; it wrote: ${lastLine}`}`,
    );
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function errorOf({ kind, message }: Extract<ServiceMessage, { error: unknown }>['error']): Error {
  return kind === undefined ? new Error(message) : new ERRORS[kind](message);
}

/**
 * Works with a service in a process of its own, which is gone once the promise settles.
 *
 * @param signal aborts what runs
 */
export async function withService<T>(
  signal: AbortSignal | undefined,
  listeners: ServiceListeners,
  work: (service: ServiceProcess) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const service = new ServiceProcess(listeners);
  const abort = (): void => service.abort();
  signal?.addEventListener('abort', abort);
  try {
    return await work(service);
  } finally {
    signal?.removeEventListener('abort', abort);
    await service.close();
  }
}
