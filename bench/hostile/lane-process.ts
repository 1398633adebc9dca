/** Process that runs commands, one after the other, without the start of a process for each. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../../src/core/errors.ts';
import { ModelSession } from '../../src/workers/model-session.ts';
import { serve } from '../../src/workers/rpc-server.ts';
import type { Ending } from './ending.ts';

type RunCommand = (args: readonly string[]) => Promise<Ending>;

let session: ModelSession | undefined;

const methods = {
  /** Runs the built command line in this process. */
  async command(args: readonly string[]): Promise<Ending> {
    const host = pathToFileURL(resolve('test/support/command-host.js')).href;
    const { runCommand } = (await import(host)) as { runCommand: RunCommand };
    return runCommand(args);
  },

  /**
   * Loads and describes a model as `inspect` does, in a process that is used again.
   *
   * @returns why it is refused; undefined where it is not
   */
  async inspect(path: string): Promise<string | undefined> {
    session ??= new ModelSession();
    try {
      await session.load(path, { runtime: 'auto' });
      return undefined;
    } catch (error) {
      if (error instanceof UserError) return error.message;
      throw error;
    }
  },
};

export type LaneApi = typeof methods;

serve(methods);
