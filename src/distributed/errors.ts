import { MachineError } from '../core/errors.ts';

/** An item is missing from Redis but may be published later, so the operation can be retried. */
export class NotYetAvailableError extends MachineError {
  override readonly name = 'NotYetAvailableError';

  constructor(item: string) {
    super(`${item} is not on the queue`);
  }
}
