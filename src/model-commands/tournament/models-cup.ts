import { existsSync } from 'node:fs';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { ResumeMismatchError, UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import type { OnProgress } from '../../core/progress.ts';
import { Cup, joiningPaths } from './cup.ts';
import type { PlayerLine } from './games-file.ts';
import type { ModelPool } from './model-pool.ts';
import { corpusNames, modelNames } from './names.ts';
import {
  corpusOpponent,
  mutatorLines,
  mutatorOpponents,
  type Opponent,
  type PlayedSeeds,
} from './opponents.ts';
import { inputTexts, type ModelPlayer, Referee } from './play.ts';
import { checkUnchanged, isComplete, playGames } from './rounds.ts';
import { readTournamentInputs, seedsWithIds, type TournamentInputs } from './seeds.ts';
import { type GameSettings, recordedSettings } from './settings.ts';

/** Fewest players of a side. */
const MIN_PLAYERS = 2;

/** What games are played with. */
export interface Field {
  readonly settings: GameSettings;
  readonly config: CampaignConfig;
  readonly seed: string;
  readonly pool: ModelPool;
}

/** Begins a tournament and plays it to its end. */
export async function beginModelCup(
  folder: string,
  models: readonly string[],
  field: Field,
  notices: Notices,
  onProgress: OnProgress,
): Promise<Cup> {
  const { settings, config, seed, pool } = field;
  const info = await pool.describe(models[0]);
  const { resolved, played } = await readTournamentInputs(info, config, settings.rule, seed, notices);
  const mutators = newMutators(resolved, config);
  // The mutants of a mutator depend on its name: where a model has that name too, the model gets another.
  const names = modelNames(
    models,
    mutators.map(({ name }) => name),
  );
  const players = models.map((path, i): ModelPlayer => ({ name: names[i], path }));
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
  const opponents = await newOpponents(mutators, kept, config, names, notices);
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
export async function resumeModelCup(
  cup: Cup,
  models: readonly string[],
  { settings, config, seed, pool }: Field,
  notices: Notices,
  onProgress: OnProgress,
): Promise<Cup> {
  await checkUnchanged(models, cup.players, pool);
  const joiners = joiningPaths(models, cup.players, 'model');
  const playing = cup.players.filter(({ plays }) => plays === 'model');
  const [firstPlayer] = playing;
  // Where all games are played already, the models need not be there any more.
  const isDone = joiners.length === 0 && isComplete(cup, settings);
  if (isDone) return cup;
  const paths = [...playing.map(({ from }) => from), ...joiners];
  const info = await pool.describe(paths.find(existsSync) ?? firstPlayer.from);
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

/**
 * The mutators of a new tournament: those that are asked for; else the default mix, unless folders play.
 *
 * @throws UserError where one is named twice
 */
function newMutators(
  resolved: TournamentInputs['resolved'],
  { mutator, corpus }: CampaignConfig,
): PlayerLine[] {
  const isDefault = mutator === undefined;
  const lines = isDefault && [corpus ?? []].flat().length > 0 ? [] : mutatorLines(resolved, isDefault);
  const names = lines.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new UserError(`--mutator: ${twice} plays twice: name it once`);
  return lines;
}

/** The players on the other side of a new tournament: mutators, and folders. */
async function newOpponents(
  lines: readonly PlayerLine[],
  kept: PlayedSeeds,
  config: CampaignConfig,
  taken: readonly string[],
  notices: Notices,
): Promise<Opponent[]> {
  const folders = [config.corpus ?? []].flat();
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
  return cup.players
    .filter(({ plays }) => plays === 'mutator' || plays === 'corpus')
    .flatMap(({ name }) => all.find((opponent) => opponent.name === name) ?? []);
}

function warnOnce(notices: Notices): () => void {
  let isSaid = false;
  return () => {
    if (isSaid) return;
    isSaid = true;
    notices.warn('a mutator made no mutant within the constraints: these games are on the seed itself');
  };
}
