import type { DecodingSession } from './decoding-session.ts';
import type { CandidateContinuation, PrefilledPrompts } from './prefilled-prompts.ts';
import type { Sampler } from './sampler.ts';

/** Rows of a batch that are decoded together. */
export interface RowGroup {
  /** Rows of the batch, in the order of the session's rows. */
  readonly rows: readonly number[];
  readonly session: DecodingSession;
}

/** A row whose continuation is being scored. */
interface ActiveRow {
  /** Row of the batch. */
  readonly row: number;
  /** Row of the logits. */
  readonly index: number;
  readonly candidate: CandidateContinuation;
}

/** Prompts of a batch as the decoding sessions that have read them. */
export class PrefilledRows implements PrefilledPrompts {
  readonly #groups: readonly RowGroup[];
  readonly #sampler: Sampler;
  readonly #vocabularySize: number;
  readonly #onToken: () => void;

  /**
   * @param groups whose sessions stand at the ends of their prompts, and are not advanced by others
   * @param onToken called for each token that is scored
   */
  constructor(groups: readonly RowGroup[], sampler: Sampler, vocabularySize: number, onToken: () => void) {
    this.#groups = groups;
    this.#sampler = sampler;
    this.#vocabularySize = vocabularySize;
    this.#onToken = onToken;
  }

  async scoreContinuations(
    candidates: readonly (CandidateContinuation | undefined)[],
  ): Promise<Float64Array> {
    const logProbs = new Float64Array(candidates.length).fill(Number.NaN);
    for (const group of this.#groups) await this.#scoreGroup(group, candidates, logProbs);
    return logProbs;
  }

  async #scoreGroup(
    { rows, session: prefilled }: RowGroup,
    candidates: readonly (CandidateContinuation | undefined)[],
    logProbs: Float64Array,
  ): Promise<void> {
    let active = rows.flatMap((row, index): ActiveRow[] => {
      const candidate = candidates[row];
      return candidate === undefined ? [] : [{ row, index, candidate }];
    });
    if (active.length === 0) return;
    for (const { row } of active) logProbs[row] = 0;
    const session = prefilled.fork();
    for (let step = 0; ; step++) {
      const { logits } = session;
      const next = active.filter((activeRow) => this.#scoreToken(activeRow, step, logits, logProbs));
      if (next.length === 0) return;
      session.selectRows(next.map(({ index }) => index));
      await session.step(Int32Array.from(next, ({ candidate }) => candidate.ids[step]));
      active = next.map(({ row, candidate }, index) => ({ row, index, candidate }));
    }
  }

  /** Adds the log-probability of one token, and returns whether there are more to score. */
  #scoreToken(
    { row, index, candidate }: ActiveRow,
    step: number,
    logits: ArrayLike<number>,
    logProbs: Float64Array,
  ): boolean {
    const { ids, scoredFrom, followedBy, minLogProb = Number.NEGATIVE_INFINITY } = candidate;
    const isAccepted =
      step < ids.length
        ? step < scoredFrom
          ? undefined
          : (id: number): boolean => id === ids[step]
        : followedBy;
    if (isAccepted !== undefined)
      logProbs[row] += this.#sampler.logProbOfSet(logits, index, this.#vocabularySize, isAccepted);
    this.#onToken();
    if (logProbs[row] < minLogProb) {
      logProbs[row] = Number.NaN;
      return false;
    }
    return step + 1 < ids.length + (followedBy === undefined ? 0 : 1);
  }
}
