import type { LatentChange } from '../../inputs/testcase.ts';
import type { DecodedMove } from '../../mutators/mutator.ts';

/** Where the vectors of a pick are in the decoded block: its parent's first, then those of each mutant, move after move. */
export interface PickVectors {
  readonly firstRow: number;
  /** Mutators of the pick's stack that move the vector. */
  readonly moves: number;
  /** The vector that changes are recorded from: that of the corpus entry which the pick's line of descent began at. */
  readonly base: Float32Array;
  readonly step: number;
}

/** The moves of latent vectors of a step's picks, with what the decoder made of them. */
export class LatentMoves {
  /** Index of the input that they are of. */
  readonly input: number;
  readonly #picks: ReadonlyMap<number, PickVectors>;
  readonly #latents: Float32Array;
  readonly #decoded: Float32Array;
  readonly #size: number;
  readonly #decodedSize: number;

  /**
   * @param latents `[rows, size]`
   * @param decoded `[rows, decodedSize]`
   */
  constructor(
    input: number,
    picks: ReadonlyMap<number, PickVectors>,
    [latents, size]: readonly [Float32Array, number],
    [decoded, decodedSize]: readonly [Float32Array, number],
  ) {
    this.input = input;
    this.#picks = picks;
    this.#latents = latents;
    this.#size = size;
    this.#decoded = decoded;
    this.#decodedSize = decodedSize;
  }

  /** Whether a pick's mutants move the vector. */
  has(pick: number): boolean {
    return this.#picks.has(pick);
  }

  /** A move of a mutant; undefined for a pick without moves. @param move its number among the moves of the pick's stack */
  decodedMove(pick: number, mutantIndex: number, move: number): DecodedMove | undefined {
    const vectors = this.#picks.get(pick);
    if (vectors === undefined) return undefined;
    const after = rowOf(vectors, mutantIndex, move);
    const before = move === 0 ? vectors.firstRow : after - 1;
    return { before: this.#decodedRow(before), after: this.#decodedRow(after) };
  }

  /** The change of a mutant's vector by all moves of its pick, as its lineage records it; undefined for a pick without moves. */
  changeOf(pick: number, mutantIndex: number): LatentChange | undefined {
    const vectors = this.#picks.get(pick);
    if (vectors === undefined) return undefined;
    const last = rowOf(vectors, mutantIndex, vectors.moves - 1) * this.#size;
    const z = Array.from(vectors.base, compact);
    return { z, delta: z.map((value, i) => compact(this.#latents[last + i] - value)), step: vectors.step };
  }

  #decodedRow(row: number): Float32Array {
    return this.#decoded.subarray(row * this.#decodedSize, (row + 1) * this.#decodedSize);
  }
}

/** A number with as many digits as tell numbers of single precision apart: it is the same once it was JSON. */
function compact(value: number): number {
  return Number(Math.fround(value).toPrecision(9));
}

/** Row of the block that a mutant's vector is in after a move. */
export function rowOf(
  { firstRow, moves }: Pick<PickVectors, 'firstRow' | 'moves'>,
  mutantIndex: number,
  move: number,
): number {
  return firstRow + 1 + mutantIndex * moves + move;
}

/** The latent vector that a change led to. */
export function latentAfter({ z, delta }: Pick<LatentChange, 'z' | 'delta'>): Float32Array {
  return Float32Array.from(z, (value, i) => value + delta[i]);
}
