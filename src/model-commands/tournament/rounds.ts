import { ResumeMismatchError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import { type Pair, playRounds } from '../../tournament/pairing.ts';
import type { Cup } from './cup.ts';
import type { PlayerLine } from './games-file.ts';
import { mixedField, type Opponent } from './opponents.ts';
import type { ModelPlayer, Referee } from './play.ts';
import type { GameSettings, Opponents } from './settings.ts';

/** The pairs that meet: each model with each player of the other side, or with each later model. */
export function pairsOf(players: readonly PlayerLine[], opponents: Opponents): Pair[] {
  const isModel = (place: number): boolean => players[place].plays === 'model';
  const places = players.map((_, place) => place);
  return places
    .filter(isModel)
    .flatMap((first) =>
      places
        .filter((second) => (opponents === 'mutators' ? !isModel(second) : isModel(second) && second > first))
        .map((second) => ({ first, second })),
    );
}

/** Who is on the other side, and the master seed. */
export interface OtherSide {
  readonly opponents: readonly Opponent[];
  readonly seed: string;
}

/**
 * Plays what is missing of a tournament: first the games of those who began it, then of those who joined, in their order.
 *
 * @throws UserError where the file of a model that has to play has changed
 */
export async function playGames(
  cup: Cup,
  referee: Referee,
  settings: GameSettings,
  side: OtherSide,
  onProgress: OnProgress,
): Promise<void> {
  const { players } = cup;
  const pairs = pairsOf(players, settings.opponents);
  const waveOf = ({ first, second }: Pair): number => Math.max(players[first].joined, players[second].joined);
  const play = settings.opponents === 'mutators' ? playOpponents : playModels;
  for (const wave of [...new Set(pairs.map(waveOf))].sort((a, b) => a - b)) {
    const meeting = pairs.filter((pair) => waveOf(pair) === wave);
    const before = pairs.filter((pair) => waveOf(pair) < wave);
    const total = meeting.length * settings.games;
    await playRounds(settings.pairing, meeting, settings.games, players.length, async (counts) => {
      await play(cup, referee, { pairs: meeting, counts }, side, (done) =>
        onProgress({ label: 'playing', done, total, unit: 'game' }),
      );
      return [...cup.matches(before), ...cup.matches(meeting, counts)];
    });
  }
}

interface Plan {
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

function playerOf({ name, from, sha256 }: PlayerLine): ModelPlayer {
  return {
    name,
    path: from,
    check: ({ sha256: present }) => {
      if (sha256 !== null && sha256 !== present)
        throw new ResumeMismatchError(
          `the model ${from} has changed since it played`,
          'bring the old file back, or choose another folder with --out',
        );
    },
  };
}
