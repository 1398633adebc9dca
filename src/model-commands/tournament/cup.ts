import type { Match } from '../../tournament/match.ts';
import type { Pair } from '../../tournament/pairing.ts';
import {
  type AnswersLine,
  appendLines,
  type GamesLine,
  type Line,
  type PlayerLine,
  type SavedTournament,
  type SettingsLine,
  writeLines,
} from './games-file.ts';
import { PlayedGames } from './played-games.ts';

/** A tournament's players and games, in memory and in its folder. */
export class Cup {
  readonly settings: SettingsLine;
  readonly #folder: string;
  readonly #players: PlayerLine[] = [];
  readonly #games = new Map<string, PlayedGames>();
  readonly #answers = new Map<string, PlayedGames>();

  private constructor(folder: string, settings: SettingsLine) {
    this.#folder = folder;
    this.settings = settings;
  }

  /** Begins a tournament in a folder. */
  static async begin(folder: string, settings: SettingsLine, players: readonly PlayerLine[]): Promise<Cup> {
    const cup = new Cup(folder, settings);
    cup.#players.push(...players);
    await writeLines(folder, [settings, ...players]);
    return cup;
  }

  /** Goes on with a tournament. */
  static resume(folder: string, saved: SavedTournament): Cup {
    const cup = new Cup(folder, saved.settings);
    cup.#players.push(...saved.players);
    for (const { players, from, seeds, scores } of saved.games)
      cup.gamesOf(...players).add(from, seeds, scores);
    for (const { model, from, seeds, scores } of saved.answers) cup.answersOf(model).add(from, seeds, scores);
    return cup;
  }

  /** All players, in the order in which they joined. */
  get players(): readonly PlayerLine[] {
    return this.#players;
  }

  /** Adds players, who are in the file from now on. */
  async join(players: readonly PlayerLine[]): Promise<void> {
    this.#players.push(...players);
    await appendLines(this.#folder, players);
  }

  /** The games of a pair, by names. */
  gamesOf(first: string, second: string): PlayedGames {
    return played(this.#games, JSON.stringify([first, second]));
  }

  /** What a model answers to the mutants that models meet on. */
  answersOf(model: string): PlayedGames {
    return played(this.#answers, model);
  }

  /** Takes games or answers, and adds them to the file. */
  async record(line: GamesLine | AnswersLine): Promise<void> {
    const { from, seeds, scores } = line;
    const games = line.kind === 'games' ? this.gamesOf(...line.players) : this.answersOf(line.model);
    games.add(from, seeds, scores);
    await appendLines(this.#folder, [line]);
  }

  /** Writes the file anew: players in the order in which they joined, and games in the order of the players. */
  async finish(): Promise<void> {
    const names = this.#players.map(({ name }) => name);
    const lines: Line[] = [this.settings, ...this.#players];
    for (const model of names)
      for (const round of this.#answers.get(model)?.rounds() ?? [])
        lines.push({ kind: 'answers', model, ...round });
    for (const first of names)
      for (const second of names)
        for (const round of this.#games.get(JSON.stringify([first, second]))?.rounds() ?? [])
          lines.push({ kind: 'games', players: [first, second], ...round });
    await writeLines(this.#folder, lines);
  }

  /**
   * Games of pairs of players, by their places in the list.
   *
   * @param counts games of each pair that count: the first so many
   */
  matches(pairs: readonly Pair[], counts?: readonly number[]): Match[] {
    return pairs.map(({ first, second }, i) => {
      const games = this.gamesOf(this.#players[first].name, this.#players[second].name);
      return { first, second, ...games.first(counts?.[i] ?? games.count) };
    });
  }
}

function played(games: Map<string, PlayedGames>, key: string): PlayedGames {
  const known = games.get(key) ?? new PlayedGames();
  games.set(key, known);
  return known;
}

/** The paths of those who are no players yet: a path that is named more often than it plays joins. */
export function joiningPaths(
  paths: readonly string[],
  players: readonly PlayerLine[],
  kind: PlayerLine['plays'],
): string[] {
  const left = players.flatMap(({ plays, from }) => (plays === kind ? [from] : []));
  return paths.filter((path) => {
    const place = left.indexOf(path);
    if (place >= 0) left.splice(place, 1);
    return place < 0;
  });
}
