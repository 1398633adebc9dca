/**
 * Work that is left to an analysis, counted in multiplications and elements and not by the clock, so that equal models give
 * equal results on any machine.
 */
export class WorkBudget {
  #left: number;

  constructor(total: number) {
    this.#left = total;
  }

  get left(): number {
    return this.#left;
  }

  /** Takes an amount if so much is left. */
  take(amount: number): boolean {
    if (!(amount <= this.#left)) return false;
    this.#left -= amount;
    return true;
  }
}
