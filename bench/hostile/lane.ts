import { ProcessDied } from '../../src/workers/lifetime/process-died.ts';
import { RpcClient } from '../../src/workers/rpc-client.ts';
import { treeUse } from '../processes.ts';
import type { Ending } from './ending.ts';
import type { LaneApi } from './lane-process.ts';

/** Milliseconds that a command may take. */
const TIMEOUT_MS = 180_000;

/** Resident bytes that a command may take, with all processes below it. */
const MAX_MEMORY = 4e9;

/** Commands that a process runs before it is replaced: what they leave in memory must not add up. */
const MAX_COMMANDS = 100;

/** Milliseconds between samples of memory. */
const SAMPLE_MS = 500;

/** A process that runs commands one after the other, and is replaced where one ends it, hangs or takes too much memory. */
export class Lane {
  #process: RpcClient<LaneApi> | undefined;
  #commands = 0;

  /**
   * Runs a command of the built command line.
   *
   * @throws Error where it ends its process, hangs or takes too much memory
   */
  command(args: readonly string[]): Promise<Ending> {
    return this.#run((lane) => lane.call('command', args));
  }

  /**
   * Loads a model as `inspect` does.
   *
   * @returns why it is refused; undefined where it is not
   */
  inspect(path: string): Promise<string | undefined> {
    return this.#run((lane) => lane.call('inspect', path));
  }

  close(): void {
    this.#process?.kill();
    this.#process = undefined;
  }

  async #run<T>(work: (lane: RpcClient<LaneApi>) => Promise<T>): Promise<T> {
    if (this.#commands++ % MAX_COMMANDS === 0) this.close();
    this.#process ??= new RpcClient<LaneApi>({
      script: new URL('lane-process.js', import.meta.url),
      timeout: TIMEOUT_MS,
      memory: MAX_MEMORY,
    });
    const lane = this.#process;
    let peak = 0;
    const sampling = setInterval(() => {
      peak = Math.max(peak, treeUse(lane.pid).memory);
      if (peak > MAX_MEMORY) lane.kill();
    }, SAMPLE_MS);
    try {
      return await work(lane);
    } catch (error) {
      this.close();
      if (peak > MAX_MEMORY) throw new Error(`took ${Math.round(peak / 1e6)} MB of memory`);
      if (error instanceof ProcessDied && error.kind === 'hang')
        throw new Error(`no end within ${TIMEOUT_MS / 1000} s`);
      throw error;
    } finally {
      clearInterval(sampling);
    }
  }
}
