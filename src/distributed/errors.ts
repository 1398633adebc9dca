import { MachineError } from '../core/errors.ts';

/** An item is missing from Redis but may be published later, so the operation can be retried. */
export class NotYetAvailableError extends MachineError {
  override readonly name = 'NotThere';

  constructor(item: string) {
    super(`${item} is not on the queue`);
  }
}
