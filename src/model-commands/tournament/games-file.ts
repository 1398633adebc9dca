import { appendFile, copyFile, mkdir, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { writeDurably } from '../../core/atomic-file.ts';
import { fileError, UserError } from '../../core/errors.ts';
import { DAMAGED_FOLDER, unusedPath } from '../../storage/set-aside.ts';

/** File of a tournament's folder that holds its settings, its players and all games. */
export const GAMES_FILE = 'games.jsonl';

/** Version of the file. */
const FORMAT_VERSION = 1;

const names = z.tuple([z.string(), z.string()]);
const playedGames = {
  /** Number of the first game. */
  from: z.int().min(0),
  /** Of each game, the seed: an index in the list of the first line. */
  seeds: z.array(z.int().min(0)),
  /** Of each game, the score of the first player; of answers, whether the model wins. */
  scores: z.array(z.number().min(0).max(1)),
};

const settingsLine = z.strictObject({
  formatVersion: z.literal(FORMAT_VERSION),
  kind: z.literal('settings'),
  /** Master seed. */
  seed: z.string(),
  /** Flags of the games, by their names in camelCase. */
  settings: z.record(z.string(), z.unknown()),
  /** Inputs of the models as they are written in messages, and the number of classes; 0 where an assertion decides. */
  inputs: z.array(z.string()),
  classes: z.int().min(0),
  /** Ids of the seeds, which are digests of their values, and how many were left out. */
  seeds: z.array(z.string()),
  leftOut: z.int().min(0),
});

export const PLAYER_KINDS = ['model', 'mutator', 'corpus', 'generator', 'discriminator'] as const;

const playerLine = z.strictObject({
  kind: z.literal('player'),
  name: z.string(),
  plays: z.enum(PLAYER_KINDS),
  /** Path of a model or a folder of testcases; spec of a mutator. */
  from: z.string(),
  /** The input that a mutator changes; null for other players. */
  input: z.int().min(0).nullable(),
  /** Digest of a model's file or of a folder's testcases; null for mutators. */
  sha256: z.string().nullable(),
  /** Of a discriminator, the share of real examples that it calls real; absent where there are none. */
  real: z.number().min(0).max(1).optional(),
  /** How often others had joined before it. */
  joined: z.int().min(0),
});

const gamesLine = z.strictObject({ kind: z.literal('games'), players: names, ...playedGames });
const answersLine = z.strictObject({ kind: z.literal('answers'), model: z.string(), ...playedGames });

/** Settings of a tournament. */
export type SettingsLine = z.output<typeof settingsLine>;
/** A player. */
export type PlayerLine = z.output<typeof playerLine>;

/** Whether a player is on the first side: a model or a generator. */
export function isOfFirstSide({ plays }: Pick<PlayerLine, 'plays'>): boolean {
  return plays === 'model' || plays === 'generator';
}

/** Share of real examples up to which a discriminator counts as calling everything fake. */
const MAX_FAKE_SHARE = 0.01;

/** Whether a discriminator calls everything fake: it would win every game, and does not play. */
export function callsAllFake({ real }: Pick<PlayerLine, 'real'>): boolean {
  return real !== undefined && real <= MAX_FAKE_SHARE;
}
/** Games of a pair. */
export type GamesLine = z.output<typeof gamesLine>;
/** What a model answers to the mutants that models meet on. */
export type AnswersLine = z.output<typeof answersLine>;

/** A tournament as its file has it. */
export interface SavedTournament {
  readonly settings: SettingsLine;
  readonly players: readonly PlayerLine[];
  readonly games: readonly GamesLine[];
  readonly answers: readonly AnswersLine[];
  /** Damaged lines of games or answers, which are played again. */
  readonly damaged: number;
}

const anyLine = z.discriminatedUnion('kind', [settingsLine, playerLine, gamesLine, answersLine]);
export type Line = z.output<typeof anyLine>;

/** Whether a folder holds a tournament. */
export async function hasTournament(folder: string): Promise<boolean> {
  return stat(join(folder, GAMES_FILE)).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

/**
 * Reads a tournament. A last line without an end, which a killed process leaves, is removed from the file.
 *
 * @throws UserError where there is none, its settings are damaged, or a player may be lost: a player can't be played again
 */
export async function readTournament(folder: string): Promise<SavedTournament> {
  const path = join(folder, GAMES_FILE);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError(error, 'read the tournament', path);
  }
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) await truncate(path, end);
  const texts = bytes.toString('utf8', 0, end).split('\n').slice(0, -1);
  const parsed = texts.map(parseLine);
  const lines = parsed.flatMap((line) => line ?? []);
  const [settings] = lines;
  if (settings?.kind !== 'settings')
    throw new UserError(
      `${path} is damaged: its first line holds no settings of a tournament; choose another folder with --out`,
    );
  const players = lines.filter((line) => line.kind === 'player');
  const known = new Set(players.map(({ name }) => name));
  parsed.forEach((line, i) => {
    const isSafe =
      line === undefined ? isOfGames(texts[i]) : playersOf(line).every((name) => known.has(name));
    if (!isSafe) throw lostPlayer(path, i + 1, line);
  });
  return {
    settings,
    players,
    games: lines.filter((line) => line.kind === 'games'),
    answers: lines.filter((line) => line.kind === 'answers'),
    damaged: parsed.length - lines.length,
  };
}

function parseLine(text: string): Line | undefined {
  try {
    const { data } = anyLine.safeParse(JSON.parse(text));
    const isWhole = data === undefined || !('scores' in data) || data.scores.length === data.seeds.length;
    return isWhole ? data : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a damaged line still shows that it held games or answers. */
function isOfGames(text: string): boolean {
  return /"kind":"(games|answers)"|"scores":\[/.test(text) && !text.includes('"plays":');
}

function playersOf(line: Line): readonly string[] {
  if (line.kind === 'games') return line.players;
  return line.kind === 'answers' ? [line.model] : [];
}

function lostPlayer(path: string, number: number, line: Line | undefined): UserError {
  const damage =
    line === undefined
      ? `line ${number} can't be read, and may have held a player`
      : `line ${number} has games of a player that the file does not name`;
  return new UserError(
    `${path} is damaged: ${damage}; put an intact copy of the file in its place, or start over with --overwrite, which renames the folder and deletes nothing`,
  );
}

/**
 * Sets a copy of a damaged file aside, and writes the file without the damaged lines.
 *
 * @returns path of the copy
 */
export async function setDamagedAside(
  folder: string,
  { settings, players, answers, games }: SavedTournament,
): Promise<string> {
  await mkdir(join(folder, DAMAGED_FOLDER), { recursive: true });
  const aside = await unusedPath(join(folder, DAMAGED_FOLDER, GAMES_FILE));
  await copyFile(join(folder, GAMES_FILE), aside);
  await writeLines(folder, [settings, ...players, ...answers, ...games]);
  return aside;
}

/** Adds lines to a tournament's file. */
export async function appendLines(folder: string, lines: readonly Line[]): Promise<void> {
  await appendFile(join(folder, GAMES_FILE), lines.map(lineText).join(''));
}

/** Replaces a tournament's file. */
export async function writeLines(folder: string, lines: readonly Line[]): Promise<void> {
  await writeDurably(join(folder, GAMES_FILE), lines.map(lineText).join(''));
}

/** A line with its keys in the order of the schema, wherever it comes from. */
function lineText(line: Line): string {
  return `${JSON.stringify(anyLine.parse(line))}\n`;
}
