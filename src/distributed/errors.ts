import { MachineError } from '../core/errors.ts';

/** Something is not on the queue, or not yet: it may come later. */
export class NotYetAvailableError extends MachineError {
  override readonly name = 'NotThere';

  constructor(what: string) {
    super(`${what} is not on the queue`);
  }
}
