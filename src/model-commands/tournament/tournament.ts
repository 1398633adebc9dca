import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { checkSettings, type RawSettings } from '../../config/load.ts';
import type { SettingName } from '../../config/schema.ts';
import { makeFolder, writeDurably } from '../../core/atomic-file.ts';
import { ResumeMismatchError, UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import type { OnProgress } from '../../core/progress.ts';
import { Lock } from '../../storage/lock.ts';
import { renameCampaign } from '../../storage/rename-campaign.ts';
import type { Glicko2Settings } from '../../tournament/glicko2.ts';
import { ratePlayers } from '../../tournament/rate-players.ts';
import { availableCores } from '../../workers/resource-limits.ts';
import { Cup } from './cup.ts';
import {
  callsAllFake,
  GAMES_FILE,
  hasTournament,
  isOfFirstSide,
  type PlayerLine,
  readTournament,
  type SavedTournament,
  setDamagedAside,
} from './games-file.ts';
import { beginGeneratorCup, resumeGeneratorCup } from './generators-cup.ts';
import { ModelPool } from './model-pool.ts';
import { beginModelCup, type Field, resumeModelCup } from './models-cup.ts';
import { makeReport, type RatingName, type TournamentReport } from './ratings.ts';
import { pairsOf } from './rounds.ts';
import {
  DISCRIMINATORS,
  type GameFlags,
  type GameSettings,
  newGameSettings,
  resumedGameSettings,
} from './settings.ts';

/** File of a tournament's folder that holds the ratings. */
export const RATINGS_FILE = 'ratings.json';

/** What `tournament` is asked for. */
export interface TournamentRequest {
  /** Paths of the models: all that play, or those that join a tournament which is resumed. */
  readonly models: readonly string[];
  /** Paths of the generators and discriminators, in place of models; likewise. */
  readonly generators: readonly string[];
  readonly discriminators: readonly string[];
  /** Settings of a campaign file and of flags, which are not checked yet. */
  readonly file: RawSettings;
  readonly flags: RawSettings;
  /** Path of the campaign file, for messages. */
  readonly source: string | undefined;
  readonly games: GameFlags;
  readonly sortedBy: RatingName;
  readonly glicko2: Glicko2Settings;
  readonly resume: boolean;
  readonly overwrite: boolean;
}

/** What `tournament` found. */
export interface TournamentResult {
  readonly report: TournamentReport;
  readonly folder: string;
}

/**
 * Rates models, mutators and folders of testcases by who beats whom (Olsson et al., "Skill Rating for Generative Models", arXiv
 * 1808.04888).
 *
 * @throws UserError where players or settings do not fit each other
 */
export async function runTournament(
  request: TournamentRequest,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<TournamentResult> {
  const folder =
    checkSettings(request.file, request.flags, request.source).out ?? join('neurofuzz-out', 'tournament');
  if (request.resume && !(await hasTournament(folder)))
    throw new UserError(
      `--resume: ${folder} holds no ${GAMES_FILE}: name the tournament's folder with --out`,
    );
  if (!request.resume && (await hasTournament(folder))) {
    if (!request.overwrite)
      throw new UserError(
        `${folder} already holds a tournament: continue it with --resume, choose another folder with --out, or start over with --overwrite, which renames the folder and deletes nothing`,
      );
    await renameCampaign(folder, (entries) => entries.includes(GAMES_FILE));
  }
  const isOfGenerators = request.generators.length + request.discriminators.length > 0;
  if (isOfGenerators && request.models.length > 0)
    throw new UserError(
      `generators play discriminators, and ${request.models[0]} is named beside them: name it with --generators or --discriminators`,
    );
  if (!request.resume) checkSides(request, isOfGenerators);
  if (isOfGenerators) refuseSettingsOfModels(request.flags);
  const isNew = !existsSync(folder);
  await makeFolder(folder, 'the folder of the tournament');
  const lock = await Lock.acquire(folder);
  let isPlayed = false;
  try {
    const result = await inFolder(folder, request, notices, onProgress);
    isPlayed = true;
    return result;
  } finally {
    await lock.release();
    // A start that is refused leaves no folder; one that has games is not empty, and stays.
    if (isNew && !isPlayed) await rmdir(folder).catch(() => {});
  }
}

/** Fewest players of a side. */
const MIN_PLAYERS = 2;

/** @throws UserError where a side has too few players */
function checkSides(
  { models, generators, discriminators }: TournamentRequest,
  isOfGenerators: boolean,
): void {
  if (!isOfGenerators && models.length < MIN_PLAYERS)
    throw new UserError(
      'a tournament needs two models or more: neurofuzz tournament a.onnx b.onnx --seeds … --labels …',
    );
  const short = [
    ['generators', generators.length],
    ['discriminators', discriminators.length],
  ].find(([, count]) => Number(count) < MIN_PLAYERS);
  if (isOfGenerators && short !== undefined)
    throw new UserError(
      `a tournament needs two ${short[0]} or more, and there is ${short[1] === 1 ? 'one' : 'none'}: set --${short[0]}`,
    );
}

/** Settings that say which seeds are played on, and how they are changed: generators have neither. */
const OF_SEEDS: readonly SettingName[] = [
  'seeds',
  'labels',
  'mutator',
  'corpus',
  'fixed',
  'linf',
  'l2',
  'l0',
  'edits',
  'valid',
  'dictionary',
];

/** @throws UserError where a flag would change nothing */
function refuseSettingsOfModels(flags: RawSettings): void {
  const foreign = OF_SEEDS.find((name) => flags[name] !== undefined);
  if (foreign !== undefined)
    throw new UserError(
      `--${foreign} is for models that play mutators, and generators play discriminators: leave it out`,
    );
}

async function inFolder(
  folder: string,
  request: TournamentRequest,
  notices: Notices,
  onProgress: OnProgress,
): Promise<TournamentResult> {
  const saved = request.resume ? await readTournament(folder) : undefined;
  if (saved !== undefined && saved.damaged > 0)
    notices.warn(
      `${plural(saved.damaged, 'line')} of ${join(folder, GAMES_FILE)} damaged: the games are played again, and the damaged file is now ${await setDamagedAside(folder, saved)}`,
    );
  const given = { ...request.file, ...request.flags };
  const isOfGenerators = request.generators.length + request.discriminators.length > 0;
  const settings =
    saved === undefined
      ? newGameSettings(given, request.games, isOfGenerators)
      : resumedGameSettings(saved.settings.settings, given, request.games);
  const { seed: askedSeed } = given;
  if (saved !== undefined && askedSeed !== undefined && String(askedSeed) !== saved.settings.seed)
    throw new ResumeMismatchError('the tournament was begun with another --seed', 'leave the flag out');
  const config = checkSettings({}, { ...given, ...settings.raw, model: undefined }, request.source);
  const seed = saved?.settings.seed ?? config.seed ?? randomBytes(8).toString('hex');
  const pool = new ModelPool(config, config.jobs ?? availableCores());
  try {
    const cup = await play(folder, saved, request, { settings, config, seed, pool }, notices, onProgress);
    await cup.finish();
    const report = rate(cup, settings, request);
    await writeDurably(join(folder, RATINGS_FILE), `${JSON.stringify(report, undefined, 2)}\n`);
    return { report, folder };
  } finally {
    pool.close();
  }
}

/** Plays a tournament to its end. */
function play(
  folder: string,
  saved: SavedTournament | undefined,
  request: TournamentRequest,
  field: Field,
  notices: Notices,
  onProgress: OnProgress,
): Promise<Cup> {
  if (field.settings.opponents !== DISCRIMINATORS) {
    const { models, generators, discriminators } = request;
    const [foreign] = [...generators, ...discriminators];
    if (foreign !== undefined)
      throw new UserError(
        `${foreign} can't join a tournament of models and mutators: choose another folder with --out`,
      );
    return saved === undefined
      ? beginModelCup(folder, models, field, notices, onProgress)
      : resumeModelCup(Cup.resume(folder, saved), models, field, notices, onProgress);
  }
  if (request.models.length > 0)
    throw new UserError(
      `${request.models[0]} joins a tournament of generators and discriminators: name it with --generators or --discriminators`,
    );
  return saved === undefined
    ? beginGeneratorCup(folder, request, field, notices, onProgress)
    : resumeGeneratorCup(Cup.resume(folder, saved), request, field, notices, onProgress);
}

function rate(
  cup: Cup,
  { win, opponents, pairing, games }: GameSettings,
  { sortedBy, glicko2 }: TournamentRequest,
): TournamentReport {
  const pairs = pairsOf(cup.players, opponents);
  const isRated = (line: PlayerLine): boolean =>
    !callsAllFake(line) && (opponents !== 'models' || isOfFirstSide(line));
  const rated = cup.players.flatMap((line, place) => (isRated(line) ? [{ line, place }] : []));
  const places = new Map(rated.map(({ place }, i) => [place, i]));
  const matches = cup.matches(pairs).map((match) => ({
    ...match,
    first: places.get(match.first) ?? -1,
    second: places.get(match.second) ?? -1,
  }));
  const { seed, seeds, leftOut } = cup.settings;
  const lines = rated.map(({ line }) => line);
  const ratings = ratePlayers(
    lines.map(({ name, plays }) => ({ name, side: isOfFirstSide({ plays }) ? 'first' : 'other' })),
    matches,
    seed,
    glicko2,
  );
  const facts = {
    seed,
    win: opponents === DISCRIMINATORS ? 'real' : win,
    opponents,
    pairing,
    gamesPerPair: games,
    sortedBy,
    ...glicko2,
    seeds: { count: seeds.length, leftOut },
    unrated: cup.players.filter(callsAllFake).map(({ name, real = 0 }) => ({ name, real })),
  };
  return makeReport(facts, lines, matches, ratings);
}
