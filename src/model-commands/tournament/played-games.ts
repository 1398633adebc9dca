/** Games that are sent to a model together, and that a line of the file holds at most. */
export const ROUND_GAMES = 100;

/** A range of games; `to` is exclusive. */
export interface GameRange {
  readonly from: number;
  readonly to: number;
}

/** Games with their seeds and scores, by number. */
export class PlayedGames {
  readonly #seeds: number[] = [];
  readonly #scores: (number | undefined)[] = [];

  /** Takes the games from number `from` on. */
  add(from: number, seeds: readonly number[], scores: readonly number[]): void {
    // A hole would be skipped by iterations.
    while (this.#scores.length < from) {
      this.#seeds.push(-1);
      this.#scores.push(undefined);
    }
    scores.forEach((score, i) => {
      this.#seeds[from + i] = seeds[i];
      this.#scores[from + i] = score;
    });
  }

  /** The games below `count` that were not played, cut at each hundredth. */
  missing(count: number): GameRange[] {
    const ranges: GameRange[] = [];
    let from = 0;
    while (from < count) {
      if (this.#scores[from] !== undefined) {
        from++;
        continue;
      }
      let to = from + 1;
      while (to < count && to % ROUND_GAMES !== 0 && this.#scores[to] === undefined) to++;
      ranges.push({ from, to });
      from = to;
    }
    return ranges;
  }

  /** Number of the first game that was not played. */
  get count(): number {
    const hole = this.#scores.indexOf(undefined);
    return hole < 0 ? this.#scores.length : hole;
  }

  /** The first games, which were all played. */
  first(count: number): { readonly seeds: number[]; readonly scores: number[] } {
    const scores = this.#scores.slice(0, count).flatMap((score) => score ?? []);
    return { seeds: this.#seeds.slice(0, scores.length), scores };
  }

  /** All games that were played from the first on, in pieces of a hundred. */
  rounds(): { readonly from: number; readonly seeds: number[]; readonly scores: number[] }[] {
    const { seeds, scores } = this.first(this.count);
    return Array.from({ length: Math.ceil(scores.length / ROUND_GAMES) }, (_, i) => {
      const [from, to] = [i * ROUND_GAMES, (i + 1) * ROUND_GAMES];
      return { from, seeds: seeds.slice(from, to), scores: scores.slice(from, to) };
    });
  }
}
