import type { Measurement } from './measure.ts';

/** Seconds from the command's start within which a campaign runs its first mutants. */
const MAX_BEGIN_SECONDS = 10;

/** Resident memory of all processes of a campaign. */
const MAX_MEMORY_MB = 2000;

/** Holds measurements against what is promised for a stranger's model. */
export class Bounds {
  #models = 0;
  readonly #failed: string[] = [];
  readonly #late: string[] = [];
  readonly #empty: string[] = [];
  readonly #large: string[] = [];

  check(model: string, { beganSeconds, error, kept, peakMemoryMB }: Measurement): void {
    this.#models++;
    if (error !== undefined) this.#failed.push(model);
    if (beganSeconds === undefined || beganSeconds > MAX_BEGIN_SECONDS) this.#late.push(model);
    else if (kept === 0) this.#empty.push(model);
    if (peakMemoryMB > MAX_MEMORY_MB) this.#large.push(model);
  }

  /** Counts a package that could not be had or has no model. */
  fail(name: string): void {
    this.#failed.push(name);
  }

  get summary() {
    return {
      models: this.#models,
      failed: this.#failed,
      [`notBegunIn${MAX_BEGIN_SECONDS}s`]: this.#late,
      keptNone: this.#empty,
      [`above${MAX_MEMORY_MB}MB`]: this.#large,
    };
  }

  /** Whether a model is out of bounds, or none was measured. */
  get isBroken(): boolean {
    return (
      this.#models === 0 ||
      [this.#failed, this.#late, this.#empty, this.#large].some((models) => models.length > 0)
    );
  }
}
