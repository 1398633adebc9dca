import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { checkSettings, type RawSettings, readCampaignFile } from '../../config/load.ts';
import type { SettingName } from '../../config/schema.ts';
import { fileError } from '../../core/errors.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import {
  RATINGS,
  type RatedLine,
  type RatingName,
  type TournamentReport,
} from '../../model-commands/tournament/ratings.ts';
import { GAME_SETTINGS, OPPONENTS, type Opponents } from '../../model-commands/tournament/settings.ts';
import { MIN_BRIDGE_GAMES } from '../../tournament/groups.ts';
import { SAMPLES } from '../../tournament/latents.ts';
import { PAIRINGS, type Pairing } from '../../tournament/pairing.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { parseNumber, parseWhole } from '../arguments/parse-number.ts';
import { addSettingFlags, LOADING_FLAGS, readSettingFlags } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

interface TournamentFlags extends OutputOptions {
  readonly config?: string;
  readonly games?: string;
  readonly pairing?: Pairing;
  readonly opponents?: Opponents;
  readonly win?: string;
  readonly generators?: readonly string[];
  readonly discriminators?: readonly string[];
  readonly latent?: string;
  readonly real?: readonly string[];
  readonly rating: RatingName;
  readonly tau: string;
  readonly period: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
}

/** Settings of `fuzz` that have a flag here. */
const TOURNAMENT_FLAGS: readonly SettingName[] = [
  'seeds',
  'labels',
  'mutator',
  'corpus',
  'range',
  'shape',
  'table',
  'fixed',
  'linf',
  'l2',
  'l0',
  'edits',
  'valid',
  'dictionary',
  'out',
  'jobs',
  'seed',
  'timeout',
  'memory',
  ...LOADING_FLAGS,
];

/** `neurofuzz tournament`: rates models, mutators and folders of testcases by who beats whom. */
export function tournamentCommand(): Command {
  const command = describedCommand('tournament')
    .argument('[model...]', 'the models that play; with --resume those that join')
    .option('-c, --config <file>', 'campaign file that names seeds, labels, mutators and limits');
  addSettingFlags(command, TOURNAMENT_FLAGS, {
    seeds: 'the inputs to play on, as fuzz takes them',
    labels: 'class of each seed, as fuzz takes them; seeds: those that the campaigns of --corpus record',
    mutator: "players on the other side: each mutator with its parameters (default: by the input's kind)",
    corpus: 'players on the other side: each folder of testcases, of a campaign or of distill',
    out: 'folder of the tournament (default: neurofuzz-out/tournament)',
  });
  command
    .option('--games <n>', 'games of each pair, 20 or more (default: 1000)')
    .addOption(
      new Option(
        '--pairing <kind>',
        'all: every pair equally often; near: half of the games between those whose ratings lie closest (default: all)',
      ).choices([...PAIRINGS]),
    )
    .addOption(
      new Option(
        '--opponents <side>',
        'mutators: models play mutators and folders; models: they play each other on the mutants of these, and who is right where the other is wrong wins (default: mutators)',
      ).choices([...OPPONENTS]),
    )
    .option(
      '--win <rule>',
      "when a model wins: correct, it gives the seed's label; confident=0.8, with at least that softmax share; agrees=<model>; or assert:<expression> (default: correct)",
    )
    .option(
      '--generators <model...>',
      'generators that play discriminators, in place of models: a game is 64 samples, and the score the share that is called real',
    )
    .option('--discriminators <model...>', 'the discriminators')
    .option(
      '--latent <law>',
      'how the latent vectors of generators are drawn: normal, uniform in [-1, 1], or a file with such vectors (default: normal)',
    )
    .option(
      '--real <path...>',
      'real examples, as seeds of discriminators: those that call all of them fake are not rated',
    )
    .addOption(
      new Option('--rating <kind>', 'the rating that sorts the list')
        .choices([...RATINGS])
        .default(RATINGS[0]),
    )
    .option('--tau <x>', 'how much the volatilities of Glicko-2 change', '0.5')
    .option('--period <n>', 'games in a rating period of Glicko-2', '100')
    .option('--resume', 'continue the tournament in --out; models that are named and do not play yet join it')
    .option('--overwrite', 'rename the tournament that is in --out to <dir>.old-1 and start over')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

async function run(models: readonly string[], flags: TournamentFlags): Promise<void> {
  const glicko2 = {
    tau: parseNumber('--tau', flags.tau, 'above 0', (x) => x > 0 && Number.isFinite(x)),
    period: parseWhole('--period', flags.period, 1),
  };
  const file = flags.config === undefined ? {} : onlyGames(await readCampaignFile(flags.config));
  const given = readFlags(flags);
  checkSettings(file, given, flags.config);
  const { runTournament } = await import('../../model-commands/tournament/tournament.ts');
  const { report, folder } = await withProgress(flags, (onProgress) =>
    runTournament(
      {
        models,
        generators: flags.generators ?? [],
        discriminators: flags.discriminators ?? [],
        file,
        flags: given,
        source: flags.config,
        games: {
          games: flags.games === undefined ? undefined : parseWhole('--games', flags.games, 1),
          pairing: flags.pairing,
          opponents: flags.opponents,
          win: flags.win,
          latent: flags.latent,
          real: flags.real,
        },
        sortedBy: flags.rating,
        glicko2,
        resume: flags.resume === true,
        overwrite: flags.overwrite === true,
      },
      logNotices(flags),
      onProgress,
    ),
  );
  await writePage(join(folder, PAGE_FILE), report);
  if (flags.json === true) printJson({ ...report, folder });
  else if (flags.quiet !== true) printLines(reportLines(report, folder));
}

/** File of a tournament's folder that holds the page. */
const PAGE_FILE = 'tournament.html';

async function writePage(path: string, report: TournamentReport): Promise<void> {
  const { tournamentPageHtml } = await import('../../report/html/tournament-page.tsx');
  try {
    await writeFile(path, tournamentPageHtml(report));
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

/** The settings of a campaign file that games depend on. */
function onlyGames(file: RawSettings): RawSettings {
  return Object.fromEntries(
    Object.entries(file).filter(([name]) => GAME_SETTINGS.some((setting) => setting === name)),
  );
}

/** The settings among the flags: of the others, some have the name of a setting that means something else. */
function readFlags(flags: TournamentFlags): RawSettings {
  return readSettingFlags(
    Object.fromEntries(
      Object.entries(flags).filter(([name]) => (TOURNAMENT_FLAGS as readonly string[]).includes(name)),
    ),
  );
}

function reportLines(report: TournamentReport, folder: string): string[] {
  const { players, seeds, games, bridges, unrated } = report;
  const groups = [...new Set(players.map(({ group }) => group))];
  return [
    `${plural(games, 'game')} ${seeds.count > 0 ? `on ${plural(seeds.count, 'seed')}` : `of ${SAMPLES} samples`}, seed ${report.seed}`,
    ...unrated.map(
      ({ name, real }) =>
        `not rated: ${name} calls ${(100 * real).toFixed(1)} % of the real examples real; it would win every game`,
    ),
    ...bridges.map(
      ({ groups: [first, second], games: across }) =>
        `not ranked together, with ${across === 0 ? 'no decided game' : `${plural(across, 'game')}, which are fewer than ${MIN_BRIDGE_GAMES} and than a tenth of those within each,`} between them: ${first.join(', ')}; and ${second.join(', ')}`,
    ),
    ...groups.flatMap((group) => {
      const members = players.filter((player) => player.group === group);
      const tables = Object.entries(TITLES).flatMap(([title, kinds]) => {
        const side = members.filter(({ kind }) => kinds.includes(kind));
        return side.length > 0 ? ['', ...playerTable(title, side, report.sortedBy)] : [];
      });
      return [...(groups.length > 1 ? ['', `group ${group}`] : []), ...tables];
    }),
    ...(players.some(({ bradleyTerry }) => bradleyTerry.isByPrior) ? ['', BY_PRIOR] : []),
    '',
    join(folder, PAGE_FILE),
  ];
}

/** Headings of the lists, by kinds of players. */
const TITLES: Readonly<Record<string, readonly RatedLine['kind'][]>> = {
  model: ['model'],
  generator: ['generator'],
  opponent: ['mutator', 'corpus'],
  discriminator: ['discriminator'],
};

/** What the mark of a rating says. */
const BY_PRIOR =
  '* wins every game or none: how far it lies from the others is set by the prior, not by games';

function playerTable(noun: string, players: readonly RatedLine[], sortedBy: RatingName): string[] {
  return table([
    // Ranks are those of Bradley–Terry, whatever sorts the list.
    [
      sortedBy === 'bradley-terry' ? 'rank' : 'Bradley–Terry rank',
      noun,
      'Bradley–Terry',
      '95 %',
      'above it',
      'Glicko-2',
      'win rate',
      '95 %',
      'games',
    ],
    ...players.map(({ name, bradleyTerry, glicko2, winRate, games }) => [
      String(bradleyTerry.rank),
      name,
      `${bradleyTerry.rating.toFixed(0)}${bradleyTerry.isByPrior ? ' *' : ''}`,
      `${bradleyTerry.low.toFixed(0)}–${bradleyTerry.high.toFixed(0)}`,
      String(bradleyTerry.above),
      `${glicko2.rating.toFixed(0)} ± ${(2 * glicko2.deviation).toFixed(0)}`,
      winRate.mean.toFixed(3),
      `${winRate.low.toFixed(3)}–${winRate.high.toFixed(3)}`,
      formatCount(games),
    ]),
  ]);
}

const EXAMPLES = `
Examples:
  neurofuzz tournament a.onnx b.onnx c.onnx --seeds digits.npz --labels labels.npy --mutator images corruptions gaussian:sigma=0.1
  neurofuzz tournament checkpoint-*.onnx --corpus nightly/*/ --labels seeds --games 2000
  neurofuzz tournament a.onnx b.onnx --seeds digits.npz --labels labels.npy --opponents models --pairing near
  neurofuzz tournament a.onnx b.onnx --seeds digits.npz --win agrees=reference.onnx
  neurofuzz tournament --generators generator-*.onnx --discriminators discriminator-*.onnx --real real.npz --games 20
  neurofuzz tournament --resume --out cup new.onnx

Exit codes: 0 when all games are played, 2 where players or settings do not fit each other.`;
