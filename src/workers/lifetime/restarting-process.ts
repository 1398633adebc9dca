import type { Api, OnProgress, RpcProcess, RpcResult } from '../rpc-client.ts';
import { DeathTally } from './death-tally.ts';
import { ProcessDied } from './process-died.ts';

/** Methods that leave a state in their process. */
export interface StateMethods<A extends Api> {
  /** Those that put another state in place of all before, as loading a model does. */
  readonly resets: readonly (keyof A & string)[];
  /** Those that add to it. */
  readonly adds: readonly (keyof A & string)[];
}

export interface RestartingProcessOptions<A extends Api> {
  readonly spawn: () => RpcProcess<A>;
  readonly state: StateMethods<A>;
  /** The death by the model's own doing that a call is rejected for: 2 by default, so that only one that repeats counts. */
  readonly mostOwnDeaths?: 1 | 2;
  /** Called where something outside has ended the process, and before it is replaced. */
  readonly onOutsideDeath?: ((died: ProcessDied, step: string) => void) | undefined;
}

interface StateCall<A extends Api> {
  readonly method: keyof A & string;
  readonly parameters: Parameters<A[keyof A & string]>[0];
  readonly timeout: number | undefined;
}

/**
 * A process that is replaced where it dies, by another one in the same state: the calls that made the state are made again.
 * A call whose process something outside has ended is made again with the same parameters, so that its answer is the same
 * as if nothing had happened; one that the model ends is rejected, and the next call starts another process.
 */
export class RestartingProcess<A extends Api> {
  readonly #options: RestartingProcessOptions<A>;
  /** Calls that made the state, in their order; of each method the last. */
  readonly #stateCalls = new Map<string, StateCall<A>>();
  #process: RpcProcess<A> | undefined;
  #restoring: Promise<RpcProcess<A>> | undefined;
  #isClosed = false;

  constructor(options: RestartingProcessOptions<A>) {
    this.#options = options;
  }

  /** Starts the process before the first call. */
  start(): void {
    this.#spawnIfDead();
  }

  /** The process that runs now; undefined where none does. */
  get current(): RpcProcess<A> | undefined {
    return this.#process?.isAlive === true ? this.#process : undefined;
  }

  /**
   * Calls a method; parameters are as for a process's own `call`.
   *
   * @throws ProcessDied where the model ends the process, or this was closed; MachineError where something outside keeps on
   *   ending it; what the method throws
   */
  async call<M extends keyof A & string>(
    method: M,
    parameters: Parameters<A[M]>[0],
    timeout?: number,
    onProgress?: OnProgress,
  ): Promise<RpcResult<A, M>> {
    const { resets, adds } = this.#options.state;
    const isReset = resets.includes(method);
    const result = await this.#repeat(method, async () => {
      const process = isReset ? this.#spawnIfDead() : await this.#restored();
      return process.call(method, parameters, timeout, onProgress);
    }).catch((error: unknown) => {
      // A process that lives on is left without a state; one that died leaves the state before.
      if (isReset && !(error instanceof ProcessDied)) this.#stateCalls.clear();
      throw error;
    });
    if (isReset) this.#stateCalls.clear();
    if (isReset || adds.includes(method)) {
      this.#stateCalls.delete(method);
      this.#stateCalls.set(method, { method, parameters, timeout });
    }
    return result;
  }

  kill(): void {
    this.#isClosed = true;
    this.#process?.kill();
  }

  /** Does a step until it is done, or its death is the model's. */
  async #repeat<T>(step: string, run: () => Promise<T>): Promise<T> {
    const deaths = new DeathTally(this.#options.mostOwnDeaths);
    for (;;) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#isClosed) throw error;
        if (!deaths.excuses(error, this.#process?.pid ?? 0, step)) throw error;
        if (error.isFromOutside) this.#options.onOutsideDeath?.(error, step);
      }
    }
  }

  /** The process in its state. */
  #restored(): Promise<RpcProcess<A>> {
    if (this.current !== undefined && this.#restoring === undefined) return Promise.resolve(this.current);
    this.#restoring ??= this.#repeat('restart', () => this.#restore()).finally(() => {
      this.#restoring = undefined;
    });
    return this.#restoring;
  }

  async #restore(): Promise<RpcProcess<A>> {
    const process = this.#spawnIfDead();
    try {
      for (const { method, parameters, timeout } of this.#stateCalls.values())
        await process.call(method, parameters, timeout);
    } catch (error) {
      // Half restored, it would answer the next call otherwise.
      process.kill();
      throw error;
    }
    return process;
  }

  /** @throws ProcessDied where this was closed */
  #spawnIfDead(): RpcProcess<A> {
    if (this.#isClosed) throw new ProcessDied('crash', 'being closed', '');
    if (this.#process?.isAlive !== true) this.#process = this.#options.spawn();
    return this.#process;
  }
}
