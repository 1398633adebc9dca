import { createHash } from 'node:crypto';
import { findImports, type ImportCandidate } from '../../campaign/enter-imports.ts';
import type { ResolvedInputs } from '../../campaign/resolve/inputs.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import { LruCache } from '../../core/lru-cache.ts';
import { randomStream } from '../../core/random.ts';
import { byteLengthOf, type TestcaseData } from '../../inputs/testcase.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import { MUTATORS } from '../../mutators/registry.ts';
import { loadTestcase } from '../../storage/journal.ts';
import { GameMutants, type MutatorPlayer, seedOfGame } from '../../tournament/game-mutants.ts';
import type { PlayerLine } from './games-file.ts';
import type { GameRange } from './played-games.ts';

/** Bytes of testcases that are kept for the next model. */
const CACHED_BYTES = 256e6;

/** A testcase to play on, and the index of its seed. */
export interface GameTestcase {
  readonly data: TestcaseData;
  readonly seed: number;
}

/** Gives the testcases of games: of a mutator, a folder, or of all of these by turns. */
export interface GameField {
  readonly name: string;
  /** The testcase of a game, the same for each model. */
  testcase(game: number): GameTestcase;
}

/** A field that keeps what it gave: several models ask for the same games. */
export class CachedFields {
  readonly #cache = new LruCache<string, readonly GameTestcase[]>(CACHED_BYTES, {
    weightOf: (testcases) => testcases.reduce((sum, { data }) => sum + byteLengthOf(data), 0),
  });

  testcases(field: GameField, { from, to }: GameRange): readonly GameTestcase[] {
    const key = JSON.stringify([field.name, from, to]);
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const testcases = Array.from({ length: to - from }, (_, i) => field.testcase(from + i));
    this.#cache.set(key, testcases);
    this.#cache.evict();
    return testcases;
  }
}

/** A player on the other side. */
export interface Opponent extends GameField {
  readonly line: PlayerLine;
}

/** Seeds that are played on, with what else mutants depend on. */
export interface PlayedSeeds
  extends Pick<ResolvedInputs, 'inputs' | 'descriptors' | 'limits' | 'lengthChanges'> {
  readonly masterSeed: string;
  readonly seeds: readonly TestcaseData[];
  readonly ids: readonly string[];
  readonly labels: readonly number[];
}

/** The mutators that play: of an input that gets the default mix without those that only a search toward a goal uses. */
export function mutatorLines(
  { descriptors, mutators }: Pick<ResolvedInputs, 'descriptors' | 'mutators'>,
  isDefault: boolean,
): PlayerLine[] {
  const isAlone = mutators.filter((specs) => specs.length > 0).length === 1;
  return mutators.flatMap((specs, input) => {
    const others = specs.filter((spec) => MUTATORS.find(spec)?.forGoals !== true);
    return (isDefault && others.length > 0 ? others : specs).map((spec) => ({
      kind: 'player' as const,
      name: isAlone ? spec : `${descriptors[input].name}:${spec}`,
      plays: 'mutator' as const,
      from: spec,
      input,
      sha256: null,
      joined: 0,
    }));
  });
}

/** Makes the mutators among the players. */
export async function mutatorOpponents(
  lines: readonly PlayerLine[],
  played: PlayedSeeds,
  onSeed: () => void,
): Promise<Opponent[]> {
  const playing = lines.filter(({ plays }) => plays === 'mutator');
  if (playing.length === 0) return [];
  const players = playing.map(
    ({ name, from, input }): MutatorPlayer => ({ name, spec: from, input: input ?? 0 }),
  );
  const { masterSeed, seeds } = played;
  const mutants = await GameMutants.create({ ...played, seed: masterSeed }, players);
  return players.map((player, i) => ({
    name: player.name,
    line: playing[i],
    testcase(game) {
      const seed = seedOfGame(masterSeed, game, seeds.length);
      const { data, isSeed } = mutants.mutant(player, game, seed);
      if (isSeed) onSeed();
      return { data, seed };
    },
  }));
}

/**
 * Reads a folder of testcases that plays: those of its corpus and findings that are no seeds.
 *
 * @throws UserError where it holds none whose seed is played on
 */
export async function corpusOpponent(
  folder: string,
  name: string,
  { inputs, ids, masterSeed }: Pick<PlayedSeeds, 'inputs' | 'ids' | 'masterSeed'>,
  notices: Notices,
): Promise<Opponent> {
  const { candidates, damagedCount } = await findImports([folder]);
  const places = new Map(ids.map((id, place) => [id, place]));
  const specs = stripBatchDimension(inputs);
  const testcases: GameTestcase[] = [];
  let leftOut = damagedCount;
  for (const { path, lineage } of candidates.filter(isMutant)) {
    const seed = places.get(lineage.ancestor);
    const loaded = seed === undefined ? undefined : await loadTestcase(path, specs, lineage.id);
    if (seed === undefined || typeof loaded !== 'object') leftOut++;
    else testcases.push({ data: loaded.data, seed });
  }
  if (testcases.length === 0)
    throw new UserError(
      `--corpus: ${folder} holds no testcase that was made of one of the seeds: name the seeds of its campaign with --seeds and their --labels, or set --labels seeds`,
    );
  if (leftOut > 0)
    notices.warn(
      `${plural(leftOut, 'testcase')} of ${folder} left out: damaged, or made of a seed that is not played on`,
    );
  const digest = createHash('sha256')
    .update(
      candidates
        .map(({ lineage: { id } }) => id)
        .sort()
        .join('\n'),
    )
    .digest('hex');
  return {
    name,
    line: { kind: 'player', name, plays: 'corpus', from: folder, input: null, sha256: digest, joined: 0 },
    testcase: (game) =>
      testcases[randomStream(masterSeed, 'testcase of game', name, game).below(testcases.length)],
  };
}

function isMutant({ lineage }: ImportCandidate): boolean {
  return lineage.parent !== null;
}

/** The mutants that models meet on: of each game, that of an opponent that is drawn. */
export function mixedField(opponents: readonly Opponent[], masterSeed: string): GameField {
  return {
    name: '*',
    testcase: (game) =>
      opponents[randomStream(masterSeed, 'opponent of game', game).below(opponents.length)].testcase(game),
  };
}
