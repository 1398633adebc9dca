import { MachineError } from '../../core/errors.ts';
import type { ProcessDied } from './process-died.ts';

/** Deaths of one step by something outside before it is given up. */
export const MAX_OUTSIDE_DEATHS = 10;

/**
 * Counts the deaths of processes that do one step, and says whether the step is done again. One by a signal from outside is
 * no doing of the model, and the step is done again. A crash, or an end by the out-of-memory killer, may have been chance: it
 * is the model's where it comes up again. A hang, and a limit that was exceeded, were measured: they are the model's.
 */
export class DeathTally {
  readonly #mostOwn: number;
  #own = 0;
  #outside = 0;

  /** @param mostOwn the death by the model's own doing that is no longer excused: 1 for the first, 2 for one that repeats */
  constructor(mostOwn = 2) {
    this.#mostOwn = mostOwn;
  }

  /**
   * @param step what the process was to do, such as `calibrate`
   * @returns whether the step is done again; false where the death is the model's
   * @throws MachineError where something outside keeps on ending the processes
   */
  excuses(died: ProcessDied, pid: number, step: string): boolean {
    if (died.isFromOutside) {
      if (++this.#outside < MAX_OUTSIDE_DEATHS) return true;
      throw new MachineError(
        `worker processes were ended by ${died.exitStatus} from outside, ${this.#outside} in a row, the last with process id ${pid} in the step ${step}: find out what sends the signal, such as a guard against low memory`,
      );
    }
    return died.mayBeChance && ++this.#own < this.#mostOwn;
  }
}
