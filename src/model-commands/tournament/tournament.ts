import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { checkSettings, type RawSettings } from '../../config/load.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { makeFolder, writeDurably } from '../../core/atomic-file.ts';
import { ResumeMismatchError, UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { ModelInfo } from '../../model/model.ts';
import { Lock } from '../../storage/lock.ts';
import { renameCampaign } from '../../storage/rename-campaign.ts';
import type { Glicko2Settings } from '../../tournament/glicko2.ts';
import { ratePlayers } from '../../tournament/rate-players.ts';
import { availableCores } from '../../workers/resource-limits.ts';
import { Cup } from './cup.ts';
import { GAMES_FILE, hasTournament, type PlayerLine, readTournament } from './games-file.ts';
import { ModelPool } from './model-pool.ts';
import { corpusNames, modelNames } from './names.ts';
import {
  corpusOpponent,
  mutatorLines,
  mutatorOpponents,
  type Opponent,
  type PlayedSeeds,
} from './opponents.ts';
import { inputTexts, type ModelPlayer, Referee } from './play.ts';
import { makeReport, type RatingName, type TournamentReport } from './ratings.ts';
import { pairsOf, playGames } from './rounds.ts';
import { readTournamentInputs, seedsWithIds, type TournamentInputs } from './seeds.ts';
import {
  type GameFlags,
  type GameSettings,
  newGameSettings,
  recordedSettings,
  resumedGameSettings,
} from './settings.ts';

/** File of a tournament's folder that holds the ratings. */
export const RATINGS_FILE = 'ratings.json';

/** Fewest players of a side. */
const MIN_PLAYERS = 2;

/** What `tournament` is asked for. */
export interface TournamentRequest {
  /** Paths of the models: all that play, or those that join a tournament which is resumed. */
  readonly models: readonly string[];
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
  if (!request.resume && request.models.length < MIN_PLAYERS)
    throw new UserError(
      'a tournament needs two models or more: neurofuzz tournament a.onnx b.onnx --seeds … --labels …',
    );
  await makeFolder(folder, 'the folder of the tournament');
  const lock = await Lock.acquire(folder);
  try {
    return await inFolder(folder, request, notices, onProgress);
  } finally {
    await lock.release();
  }
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
      `${plural(saved.damaged, 'line')} of ${join(folder, GAMES_FILE)} damaged: their games are played again`,
    );
  const given = { ...request.file, ...request.flags };
  const settings =
    saved === undefined
      ? newGameSettings(given, request.games)
      : resumedGameSettings(saved.settings.settings, given, request.games);
  const { seed: askedSeed } = given;
  if (saved !== undefined && askedSeed !== undefined && String(askedSeed) !== saved.settings.seed)
    throw new ResumeMismatchError('the tournament was begun with another --seed', 'leave the flag out');
  const config = checkSettings({}, { ...given, ...settings.raw, model: undefined }, request.source);
  const seed = saved?.settings.seed ?? config.seed ?? randomBytes(8).toString('hex');
  const pool = new ModelPool(config, config.jobs ?? availableCores());
  try {
    const cup =
      saved === undefined
        ? await beginCup(folder, request, { settings, config, seed, pool }, notices, onProgress)
        : await resumeCup(
            Cup.resume(folder, saved),
            request,
            { settings, config, seed, pool },
            notices,
            onProgress,
          );
    await cup.finish();
    const report = rate(cup, settings, request);
    await writeDurably(join(folder, RATINGS_FILE), `${JSON.stringify(report, undefined, 2)}\n`);
    return { report, folder };
  } finally {
    pool.close();
  }
}

interface Field {
  readonly settings: GameSettings;
  readonly config: CampaignConfig;
  readonly seed: string;
  readonly pool: ModelPool;
}

/** Begins a tournament and plays it to its end. */
async function beginCup(
  folder: string,
  { models }: TournamentRequest,
  field: Field,
  notices: Notices,
  onProgress: OnProgress,
): Promise<Cup> {
  const { settings, config, seed, pool } = field;
  const names = modelNames(models, []);
  const players = models.map((path, i): ModelPlayer => ({ name: names[i], path }));
  const info = await describeModel(pool, models[0]);
  const { resolved, played } = await readTournamentInputs(info, config, settings.rule, seed, notices);
  const first = { name: names[0], inputs: inputTexts(info) };
  const lookers = new Referee(pool, first, { rule: settings.rule, played }, onProgress);
  const { classes, isWon, digests } = await lookers.look(players);
  const kept = seedsWithIds(
    played,
    played.ids.filter((_, i) => isWon[i]),
  );
  if (kept.seeds.length === 0)
    throw new UserError('no model is right about any seed as it is: set other --seeds or --labels, or --win');
  const leftOut = played.seeds.length - kept.seeds.length;
  if (leftOut > 0)
    notices.warn(
      `${plural(leftOut, 'seed')} of ${played.seeds.length} left out, which no model is right about as they are`,
    );
  const lines = models.map(
    (path, i): PlayerLine => ({
      kind: 'player',
      name: names[i],
      plays: 'model',
      from: path,
      input: null,
      sha256: digests[i],
      joined: 0,
    }),
  );
  const opponents = await newOpponents(resolved, kept, config, names, notices);
  const hasEnough = opponents.length >= (settings.opponents === 'models' ? 1 : MIN_PLAYERS);
  if (!hasEnough)
    throw new UserError(
      `models play against two mutators or folders of testcases, or more, and there is ${opponents.length === 1 ? 'one' : 'none'}: name more with --mutator and --corpus, or let models play each other with --opponents models`,
    );
  const header = {
    formatVersion: 1 as const,
    kind: 'settings' as const,
    seed,
    settings: recordedSettings(settings),
    inputs: first.inputs.slice(),
    classes,
    seeds: kept.ids.slice(),
    leftOut,
  };
  const cup = await Cup.begin(folder, header, [...lines, ...opponents.map(({ line }) => line)]);
  const referee = new Referee(pool, first, { rule: settings.rule, played: kept }, onProgress);
  await playGames(cup, referee, settings, { opponents, seed }, onProgress);
  return cup;
}

/** Goes on with a tournament, in which models may join. */
async function resumeCup(
  cup: Cup,
  { models }: TournamentRequest,
  { settings, config, seed, pool }: Field,
  notices: Notices,
  onProgress: OnProgress,
): Promise<Cup> {
  const joiners = joiningModels(models, cup.players);
  const playing = cup.players.filter(({ plays }) => plays === 'model');
  const [firstPlayer] = playing;
  // Where all games are played already, the models need not be there any more.
  const isDone = joiners.length === 0 && isComplete(cup, settings);
  if (isDone) return cup;
  const paths = [...playing.map(({ from }) => from), ...joiners];
  const info = await describeModel(pool, paths.find(existsSync) ?? firstPlayer.from);
  const first = { name: firstPlayer.name, inputs: cup.settings.inputs };
  const names = modelNames(
    joiners,
    cup.players.map(({ name }) => name),
  );
  const all = await readTournamentInputs(info, config, settings.rule, seed, notices);
  const kept = seedsWithIds(all.played, cup.settings.seeds);
  const referee = new Referee(pool, first, { rule: settings.rule, played: kept }, onProgress);
  if (joiners.length > 0) {
    const joining = joiners.map((path, i): ModelPlayer => ({ name: names[i], path }));
    const { digests } = await referee.look(joining, cup.settings.classes);
    const joined = 1 + Math.max(...cup.players.map((player) => player.joined));
    await cup.join(
      joiners.map((path, i) => ({
        kind: 'player',
        name: names[i],
        plays: 'model',
        from: path,
        input: null,
        sha256: digests[i],
        joined,
      })),
    );
  }
  const opponents = await savedOpponents(cup, all, kept, notices);
  await playGames(cup, referee, settings, { opponents, seed }, onProgress);
  return cup;
}

/** The models that are no players yet: a path that is named more often than it plays joins. */
function joiningModels(paths: readonly string[], players: readonly PlayerLine[]): string[] {
  const left = players.flatMap(({ plays, from }) => (plays === 'model' ? [from] : []));
  return paths.filter((path) => {
    const place = left.indexOf(path);
    if (place >= 0) left.splice(place, 1);
    return place < 0;
  });
}

/** Whether all games were played: of a tournament that shares them out by ratings, not even then, which costs little. */
function isComplete(cup: Cup, { pairing, games, opponents }: GameSettings): boolean {
  return (
    pairing === 'all' &&
    pairsOf(cup.players, opponents).every(
      ({ first, second }) => cup.gamesOf(cup.players[first].name, cup.players[second].name).count >= games,
    )
  );
}

async function describeModel(pool: ModelPool, path: string): Promise<ModelInfo> {
  const infos: ModelInfo[] = [];
  await pool.run([
    {
      model: path,
      first: undefined,
      run: async (session) => {
        infos.push(session.info);
      },
    },
  ]);
  return infos[0];
}

/** The players on the other side of a new tournament: mutators that are asked for, folders, else the default mix. */
async function newOpponents(
  resolved: TournamentInputs['resolved'],
  kept: PlayedSeeds,
  config: CampaignConfig,
  taken: readonly string[],
  notices: Notices,
): Promise<Opponent[]> {
  const folders = [config.corpus ?? []].flat();
  const isDefault = config.mutator === undefined;
  const lines = isDefault && folders.length > 0 ? [] : mutatorLines(resolved, isDefault);
  const names = corpusNames(folders, [...taken, ...lines.map(({ name }) => name)]);
  const mutators = await mutatorOpponents(lines, kept, warnOnce(notices));
  const corpora: Opponent[] = [];
  for (const [i, path] of folders.entries())
    corpora.push(await corpusOpponent(path, names[i], kept, notices));
  return [...mutators, ...corpora];
}

/** @throws ResumeMismatchError where a folder of testcases has changed */
async function savedOpponents(
  cup: Cup,
  { played }: TournamentInputs,
  kept: PlayedSeeds,
  notices: Notices,
): Promise<Opponent[]> {
  const mutators = await mutatorOpponents(cup.players, { ...played, ...kept }, warnOnce(notices));
  const corpora: Opponent[] = [];
  for (const { plays, from, name, sha256 } of cup.players) {
    if (plays !== 'corpus') continue;
    const opponent = await corpusOpponent(from, name, kept, notices);
    if (opponent.line.sha256 !== sha256)
      throw new ResumeMismatchError(
        `the testcases of ${from} have changed`,
        'bring them back, or choose another folder with --out',
      );
    corpora.push(opponent);
  }
  const all = [...mutators, ...corpora];
  return cup.players.flatMap(({ name }) => all.find((opponent) => opponent.name === name) ?? []);
}

function warnOnce(notices: Notices): () => void {
  let isSaid = false;
  return () => {
    if (isSaid) return;
    isSaid = true;
    notices.warn('a mutator made no mutant within the constraints: these games are on the seed itself');
  };
}

function rate(
  cup: Cup,
  { win, opponents, pairing, games }: GameSettings,
  { sortedBy, glicko2 }: TournamentRequest,
): TournamentReport {
  const pairs = pairsOf(cup.players, opponents);
  const isRated = (line: PlayerLine): boolean => opponents === 'mutators' || line.plays === 'model';
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
    lines.map(({ name, plays }) => ({ name, side: plays === 'model' ? 'models' : 'opponents' })),
    matches,
    seed,
    glicko2,
  );
  const facts = {
    seed,
    win,
    opponents,
    pairing,
    gamesPerPair: games,
    sortedBy,
    ...glicko2,
    seeds: { count: seeds.length, leftOut },
  };
  return makeReport(facts, lines, matches, ratings);
}
