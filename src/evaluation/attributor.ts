import { NonfiniteLocalizer, type Origin, type OriginDetails } from '../analysis/nonfinite-localizer.ts';
import type { BatchedModel, TestcaseBatch } from '../model/batched-model.ts';
import type { Objective, Violation } from '../objectives/objective.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A violation and the operation where it begins, if that is known. */
export interface AttributedViolation {
  readonly violation: Violation;
  readonly origin?: Origin;
}

/** Where a violation was seen. */
export interface AttributionRequest {
  /** The row, alone. */
  readonly testcase: TestcaseBatch;
  /** What it was run in, where that may be needed for it to show. */
  readonly batch?: { readonly block: TestcaseBatch; readonly rows: number };
  /** Whether to look at operations one by one where nothing else shows it, which takes long. */
  readonly exhaustive: boolean;
}

/** Traces violations to the operations where they begin, so that one cause is one fault. */
export class Attributor {
  readonly #model: BatchedModel;
  readonly #localizer: NonfiniteLocalizer | undefined;

  /** @param traces whether there is memory for sessions in which tensors are exposed; violations keep their names else */
  constructor(model: BatchedModel, traces: boolean) {
    this.#model = model;
    this.#localizer = traces ? new NonfiniteLocalizer(model.model) : undefined;
  }

  /**
   * Names a violation after the operation where it begins. It keeps its own name where its objective knows no
   * operations, where it does not show while inner tensors are looked at, or where they can't be.
   */
  async attribute(
    objective: Objective,
    violation: Violation,
    seen: AttributionRequest,
  ): Promise<AttributedViolation> {
    if (objective.attribute === undefined || this.#localizer === undefined) return { violation };
    const origin = await this.#findOrigin(this.#localizer, seen);
    return origin === undefined
      ? { violation }
      : { violation: objective.attribute(violation, origin), origin };
  }

  /** What the operation was given there. */
  async describeOrigin(origin: Origin, testcase: TestcaseBatch): Promise<OriginDetails | undefined> {
    try {
      return await this.#localizer?.describe(origin, this.#feeds(testcase));
    } catch {
      // The unmodified model runs; what fails is looking into it, and the operation's name is known all the same.
      return undefined;
    }
  }

  async #findOrigin(
    localiser: NonfiniteLocalizer,
    { testcase, batch, exhaustive }: AttributionRequest,
  ): Promise<Origin | undefined> {
    try {
      const alone = await localiser.locate(this.#feeds(testcase));
      if (alone !== undefined) return alone;
      if (batch !== undefined && batch.rows > 1) {
        const together = await localiser.locate(this.#feeds(batch.block, batch.rows));
        if (together !== undefined) return together;
      }
      return exhaustive ? await localiser.locateOneByOne(this.#feeds(testcase)) : undefined;
    } catch {
      // As above: that is no fault of the testcase.
      return undefined;
    }
  }

  #feeds(block: TestcaseBatch, rows = 1): Tensor[] {
    return this.#model.feeds(block, rows);
  }
}
