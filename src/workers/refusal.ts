import { MachineError, UserError } from '../core/errors.ts';
import { OOM_KILL_MARK, ProcessDied } from './lifetime/process-died.ts';
import { LOADING_MARK } from './watchdog.ts';

/**
 * Runs an action on a model in another process; where that process ends, the error names the model and the action.
 *
 * @param action such as `loading it`
 * @throws UserError, or MachineError where the machine's memory does not suffice
 */
export async function refuseIfProcessDies<T>(
  path: string,
  action: string,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof ProcessDied ? refusalError(path, action, error) : error;
  }
}

function refusalError(path: string, action: string, died: ProcessDied): UserError | MachineError {
  const at = died.message.indexOf(LOADING_MARK);
  if (at >= 0) {
    const limit = died.message.slice(at + LOADING_MARK.length).trim();
    return new UserError(
      `${path}: ${action} takes more than ${limit}, far more than its size requires; refused`,
    );
  }
  if (died.isOomKill)
    return new MachineError(
      `${path}: ${action} cannot be done: ${OOM_KILL_MARK}; close other programs or set a lower --memory`,
    );
  if (died.kind === 'memory') {
    return new MachineError(`${path}: ${action} takes more memory than a worker may use: raise --memory`);
  }
  const outcome = died.kind === 'hang' ? 'does not finish' : `ends the process (${died.message})`;
  return new UserError(`${path}: ${action} ${outcome}`);
}
