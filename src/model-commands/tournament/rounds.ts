import { existsSync } from 'node:fs';
import { ResumeMismatchError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import { type Pair, playRounds } from '../../tournament/pairing.ts';
import type { Cup } from './cup.ts';
import { callsAllFake, isOfFirstSide, type PlayerLine } from './games-file.ts';
import type { ModelPool } from './model-pool.ts';
import { mixedField, type Opponent } from './opponents.ts';
import type { ModelPlayer, Referee } from './play.ts';
import type { GameSettings } from './settings.ts';

/** The pairs that meet: each player of the first side with each of the other, or each model with each later one. */
export function pairsOf(players: readonly PlayerLine[], opponents: GameSettings['opponents']): Pair[] {
  const isFirst = (place: number): boolean => isOfFirstSide(players[place]);
  const places = players.flatMap((player, place) => (callsAllFake(player) ? [] : [place]));
  return places
    .filter(isFirst)
    .flatMap((first) =>
      places
        .filter((second) => (opponents === 'models' ? isFirst(second) && second > first : !isFirst(second)))
        .map((second) => ({ first, second })),
    );
}

/** Whether all games were played: of a tournament that shares them out by ratings, not even then, which costs little. */
export function isComplete(cup: Cup, { pairing, games, opponents }: GameSettings): boolean {
  return (
    pairing === 'all' &&
    pairsOf(cup.players, opponents).every(
      ({ first, second }) => cup.gamesOf(cup.players[first].name, cup.players[second].name).count >= games,
    )
  );
}

/** Who is on the other side, and the master seed. */
export interface OtherSide {
  readonly opponents: readonly Opponent[];
  readonly seed: string;
}

/** Plays the games of some pairs that are missing, and calls back with the number of games that are there. */
export type PlayPlan = (plan: Plan, onDone: (games: number) => void) => Promise<void>;

/**
 * Plays what is missing of a tournament: first the games of those who began it, then of those who joined, in their order.
 *
 * @throws UserError where the file of a model that has to play has changed
 */
export async function playAll(
  cup: Cup,
  { opponents, games, pairing }: GameSettings,
  play: PlayPlan,
  onProgress: OnProgress,
): Promise<void> {
  const { players } = cup;
  const pairs = pairsOf(players, opponents);
  const waveOf = ({ first, second }: Pair): number => Math.max(players[first].joined, players[second].joined);
  for (const wave of [...new Set(pairs.map(waveOf))].sort((a, b) => a - b)) {
    const meeting = pairs.filter((pair) => waveOf(pair) === wave);
    const before = pairs.filter((pair) => waveOf(pair) < wave);
    const total = meeting.length * games;
    await playRounds(pairing, meeting, games, players.length, async (counts) => {
      await play({ pairs: meeting, counts }, (done) =>
        onProgress({ label: 'playing', done, total, unit: 'game' }),
      );
      return [...cup.matches(before), ...cup.matches(meeting, counts)];
    });
  }
}

/** Plays the games of models. */
export function playGames(
  cup: Cup,
  referee: Referee,
  settings: GameSettings,
  side: OtherSide,
  onProgress: OnProgress,
): Promise<void> {
  const play = settings.opponents === 'mutators' ? playOpponents : playModels;
  return playAll(cup, settings, (plan, onDone) => play(cup, referee, plan, side, onDone), onProgress);
}

/** Games to play. */
export interface Plan {
  readonly pairs: readonly Pair[];
  /** Games that each pair should have. */
  readonly counts: readonly number[];
}

async function playOpponents(
  cup: Cup,
  referee: Referee,
  { pairs, counts }: Plan,
  { opponents }: OtherSide,
  onDone: (games: number) => void,
): Promise<void> {
  const fields = new Map(opponents.map((opponent) => [opponent.name, opponent]));
  let done = counts.reduce((sum, count) => sum + count, 0);
  const requests = pairs.flatMap(({ first, second }, i) => {
    const model = cup.players[first];
    const opponent = cup.players[second];
    const field = fields.get(opponent.name);
    if (field === undefined) throw new Error(`${opponent.name} is on no side`);
    return cup
      .gamesOf(model.name, opponent.name)
      .missing(counts[i])
      .map((range) => ({ ...range, field, model: playerOf(model) }));
  });
  done -= requests.reduce((sum, { from, to }) => sum + to - from, 0);
  onDone(done);
  await referee.play(requests, async ({ model, field, from }, { seeds, scores }) => {
    done += scores.length;
    await cup.record({ kind: 'games', players: [model.name, field.name], from, seeds, scores });
    onDone(done);
  });
}

/** The model that is right where the other is wrong wins. */
async function playModels(
  cup: Cup,
  referee: Referee,
  { pairs, counts }: Plan,
  { opponents, seed }: OtherSide,
  onDone: (games: number) => void,
): Promise<void> {
  const field = mixedField(opponents, seed);
  const wanted = new Map<number, number>();
  pairs.forEach(({ first, second }, i) => {
    for (const place of [first, second]) wanted.set(place, Math.max(wanted.get(place) ?? 0, counts[i]));
  });
  const requests = [...wanted].flatMap(([place, count]) =>
    cup
      .answersOf(cup.players[place].name)
      .missing(count)
      .map((range) => ({ ...range, field, model: playerOf(cup.players[place]) })),
  );
  const answers = [...wanted.values()].reduce((sum, count) => sum + count, 0);
  const games = counts.reduce((sum, count) => sum + count, 0);
  let left = requests.reduce((sum, { from, to }) => sum + to - from, 0);
  await referee.play(requests, async ({ model, from }, { seeds, scores }) => {
    left -= scores.length;
    await cup.record({ kind: 'answers', model: model.name, from, seeds, scores });
    onDone(Math.round((games * (answers - left)) / answers));
  });
  for (const [i, { first, second }] of pairs.entries()) {
    const names: [string, string] = [cup.players[first].name, cup.players[second].name];
    const [answers1, answers2] = names.map((name) => cup.answersOf(name).first(counts[i]));
    for (const { from, to } of cup.gamesOf(...names).missing(counts[i]))
      await cup.record({
        kind: 'games',
        players: names,
        from,
        seeds: answers1.seeds.slice(from, to),
        scores: answers1.scores
          .slice(from, to)
          .map((right, at) => (1 + right - answers2.scores[from + at]) / 2),
      });
  }
}

/** A player with a check that its file is the one that played before. */
export function playerOf({ name, from, sha256 }: PlayerLine): Required<ModelPlayer> {
  return {
    name,
    path: from,
    check: ({ sha256: present }) => {
      if (sha256 !== null && sha256 !== present)
        throw new ResumeMismatchError(
          `the model ${from} has changed since it played`,
          'bring the old file back, give the new one another path, or start over with --overwrite',
        );
    },
  };
}

/**
 * Looks whether models that are named, and play already, are the files that played.
 *
 * @throws ResumeMismatchError where one has changed: it would not join
 */
export async function checkUnchanged(
  paths: readonly string[],
  players: readonly PlayerLine[],
  pool: Pick<ModelPool, 'describe'>,
): Promise<void> {
  for (const player of players)
    if (player.sha256 !== null && player.plays !== 'corpus' && paths.includes(player.from))
      if (existsSync(player.from))
        // A file that is gone is missed where it has to play.
        playerOf(player).check(await pool.describe(player.from));
}
