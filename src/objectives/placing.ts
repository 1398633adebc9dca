import { Localiser, type Origin, type OriginDetails } from '../models/localise.ts';
import type { RowModel, Rows } from '../models/rows.ts';
import type { Objective, Violation } from './objective.ts';

/** A violation and the operation where it begins, if that is known. */
export interface Placed {
  readonly violation: Violation;
  readonly origin?: Origin;
}

/** Traces violations to the operations where they begin, so that one cause is one fault. */
export class Placer {
  readonly #model: RowModel;
  readonly #localiser: Localiser;

  constructor(model: RowModel) {
    this.#model = model;
    this.#localiser = new Localiser(model.model);
  }

  /**
   * Names a violation after the operation where it begins. It keeps its own name where its objective knows no
   * operations, where it does not show while inner tensors are looked at, or where they can't be.
   *
   * @param testcase the row that it was seen in, alone
   * @param batch what it was run in, where that may be needed for it to show
   */
  async place(
    objective: Objective,
    violation: Violation,
    testcase: Rows,
    batch?: { readonly block: Rows; readonly rows: number },
  ): Promise<Placed> {
    if (objective.place === undefined) return { violation };
    let origin: Origin | undefined;
    try {
      origin = await this.#localiser.locate(this.#model.feeds(testcase, 1));
      if (origin === undefined && batch !== undefined && batch.rows > 1)
        origin = await this.#localiser.locate(this.#model.feeds(batch.block, batch.rows));
    } catch {
      // The unmodified model runs; what fails is looking into it, and that is no fault of the testcase.
      return { violation };
    }
    return origin === undefined ? { violation } : { violation: objective.place(violation, origin), origin };
  }

  /** What the operation was given there. */
  async describe(origin: Origin, testcase: Rows): Promise<OriginDetails | undefined> {
    try {
      return await this.#localiser.describe(origin, this.#model.feeds(testcase, 1));
    } catch {
      // As above: its name is known all the same.
      return undefined;
    }
  }
}
