import type { RerunResult } from '../evaluation/rerun-testcase.ts';
import type { Violation } from '../objectives/objective.ts';

/** Sums up several calls that run one finding again, some of which may end the process. */
export class RerunTally {
  readonly #signature: string;
  readonly #otherSignatures = new Set<string>();
  readonly #parts: RerunResult[] = [];
  #matchingDeaths = 0;

  /** @param signature of the finding */
  constructor(signature: string) {
    this.#signature = signature;
  }

  isExpected({ signature }: Violation): boolean {
    return signature === this.#signature;
  }

  add(part: RerunResult): void {
    this.#parts.push(part);
    for (const signature of part.otherSignatures) this.#otherSignatures.add(signature);
  }

  addDeath(death: Violation): void {
    if (this.isExpected(death)) this.#matchingDeaths++;
    else this.#otherSignatures.add(death.signature);
  }

  /** All runs together; what is recorded once comes from the first call that has it. */
  result(totalRuns: number): RerunResult {
    const first = <K extends keyof RerunResult>(key: K): RerunResult[K] | undefined =>
      this.#parts.map((part) => part[key]).find((value) => value !== undefined);
    const deterministic = this.#parts.flatMap(({ isDeterministic }) => isDeterministic ?? []);
    return {
      matchingRuns: this.#parts.reduce((sum, { matchingRuns }) => sum + matchingRuns, this.#matchingDeaths),
      totalRuns,
      otherSignatures: [...this.#otherSignatures],
      origin: first('origin'),
      summary: first('summary'),
      violation: first('violation'),
      outputs: first('outputs'),
      layerDivergences: first('layerDivergences'),
      isDeterministic: deterministic.length === 0 ? undefined : deterministic.every(Boolean),
    };
  }
}
