import { NonfiniteLocalizer, type Origin, type OriginDetails } from '../analysis/nonfinite-localizer.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import type { Objective, Violation } from '../objectives/objective.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A violation with the operation that causes it, if that was found. */
export interface AttributedViolation {
  readonly violation: Violation;
  readonly origin?: Origin;
}

/** Whether the graph means what was seen, as a value that a Where keeps out: it is no violation then. */
export function isMeant({ origin }: AttributedViolation): boolean {
  return origin?.absorption?.isMeant === true;
}

/** The run in which a violation occurred. */
export interface AttributionRequest {
  /** The violating row. */
  readonly testcase: TestcaseBatch;
  /** The batch it ran in, if the violation may not occur in a batch of one. */
  readonly batch?: { readonly testcases: TestcaseBatch; readonly rows: number };
  /** Whether to fall back to exposing operations one at a time, which is slow. */
  readonly exhaustive: boolean;
}

/** Traces violations to the operations that cause them, so that violations with one cause count as one fault. */
export class Attributor {
  readonly #model: BatchedModel;
  readonly #localizer: NonfiniteLocalizer | undefined;

  /** @param canTrace whether there is memory for sessions that expose inner tensors; without, nothing is attributed */
  constructor(model: BatchedModel, canTrace: boolean) {
    this.#model = model;
    this.#localizer = canTrace ? new NonfiniteLocalizer(model.model) : undefined;
  }

  /**
   * Renames a violation after the operation that causes it. It keeps its name if its objective does not support
   * attribution, if it does not occur with inner tensors exposed, or if they can't be exposed.
   */
  async attribute(
    objective: Objective,
    violation: Violation,
    request: AttributionRequest,
  ): Promise<AttributedViolation> {
    if (objective.attribute === undefined || this.#localizer === undefined) return { violation };
    const origin = await this.#findOrigin(this.#localizer, violation.tensors, request);
    return origin === undefined
      ? { violation }
      : { violation: objective.attribute(violation, origin), origin };
  }

  /** Operands and result of the operation on this testcase; undefined if they can't be read. */
  async describeOrigin(origin: Origin, testcase: TestcaseBatch): Promise<OriginDetails | undefined> {
    try {
      return await this.#localizer?.describe(origin, this.#feeds(testcase));
    } catch {
      // Only the model with exposed tensors fails, which is no fault of the testcase; the operation's name is known anyway.
      return undefined;
    }
  }

  async #findOrigin(
    localizer: NonfiniteLocalizer,
    seenIn: readonly string[],
    { testcase, batch, exhaustive }: AttributionRequest,
  ): Promise<Origin | undefined> {
    try {
      const alone = await localizer.locate(this.#feeds(testcase), seenIn);
      if (alone !== undefined) return alone;
      if (batch !== undefined && batch.rows > 1) {
        const together = await localizer.locate(this.#feeds(batch.testcases, batch.rows), seenIn);
        if (together !== undefined) return together;
      }
      return exhaustive ? await localizer.locateOneByOne(this.#feeds(testcase)) : undefined;
    } catch {
      // As above: no fault of the testcase.
      return undefined;
    }
  }

  #feeds(testcases: TestcaseBatch, rows = 1): Tensor[] {
    return this.#model.feeds(testcases, rows);
  }
}
