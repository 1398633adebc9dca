import { MachineError, UserError } from '../core/errors.ts';
import { ProcessDied } from './rpc-client.ts';
import { LOADING_MARK } from './watchdog-mark.ts';

/** The error that a model's user should read where the process ended that did something with the model. */
function refusalError(path: string, what: string, died: ProcessDied): UserError | MachineError {
  const at = died.message.indexOf(LOADING_MARK);
  if (at >= 0) {
    const took = died.message.slice(at + LOADING_MARK.length).trim();
    return new UserError(
      `${path}: ${what} takes more than ${took}, which its size does not account for; refused`,
    );
  }
  if (died.kind === 'memory') {
    return new MachineError(`${path}: ${what} takes more memory than a worker may have: see --memory`);
  }
  const how = died.kind === 'hang' ? 'does not come to an end' : `ends the process (${died.message})`;
  return new UserError(`${path}: ${what} ${how}`);
}

/** Does something with a model in another process, and says it of the model where that process ends. */
export async function refuseIfProcessDies<T>(path: string, what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof ProcessDied ? refusalError(path, what, error) : error;
  }
}
