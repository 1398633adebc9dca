import { Localiser, type Origin, type OriginDetails } from '../analysis/nonfinite-localizer.ts';
import type { RowModel, Rows } from '../model/batched-model.ts';
import type { Objective, Violation } from '../objectives/objective.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A violation and the operation where it begins, if that is known. */
export interface Placed {
  readonly violation: Violation;
  readonly origin?: Origin;
}

/** Where a violation was seen. */
export interface Seen {
  /** The row, alone. */
  readonly testcase: Rows;
  /** What it was run in, where that may be needed for it to show. */
  readonly batch?: { readonly block: Rows; readonly rows: number };
  /** Whether to look at operations one by one where nothing else shows it, which takes long. */
  readonly thoroughly: boolean;
}

/** Traces violations to the operations where they begin, so that one cause is one fault. */
export class Placer {
  readonly #model: RowModel;
  readonly #localiser: Localiser | undefined;

  /** @param traces whether there is memory for sessions in which tensors are exposed; violations keep their names else */
  constructor(model: RowModel, traces: boolean) {
    this.#model = model;
    this.#localiser = traces ? new Localiser(model.model) : undefined;
  }

  /**
   * Names a violation after the operation where it begins. It keeps its own name where its objective knows no
   * operations, where it does not show while inner tensors are looked at, or where they can't be.
   */
  async place(objective: Objective, violation: Violation, seen: Seen): Promise<Placed> {
    if (objective.place === undefined || this.#localiser === undefined) return { violation };
    const origin = await this.#trace(this.#localiser, seen);
    return origin === undefined ? { violation } : { violation: objective.place(violation, origin), origin };
  }

  /** What the operation was given there. */
  async describe(origin: Origin, testcase: Rows): Promise<OriginDetails | undefined> {
    try {
      return await this.#localiser?.describe(origin, this.#feeds(testcase));
    } catch {
      // The unmodified model runs; what fails is looking into it, and the operation's name is known all the same.
      return undefined;
    }
  }

  async #trace(localiser: Localiser, { testcase, batch, thoroughly }: Seen): Promise<Origin | undefined> {
    try {
      const alone = await localiser.locate(this.#feeds(testcase));
      if (alone !== undefined) return alone;
      if (batch !== undefined && batch.rows > 1) {
        const together = await localiser.locate(this.#feeds(batch.block, batch.rows));
        if (together !== undefined) return together;
      }
      return thoroughly ? await localiser.locateOneByOne(this.#feeds(testcase)) : undefined;
    } catch {
      // As above: that is no fault of the testcase.
      return undefined;
    }
  }

  #feeds(block: Rows, rows = 1): Tensor[] {
    return this.#model.feeds(block, rows);
  }
}
