import type { RawSettings } from '../../config/load.ts';
import type { SettingName } from '../../config/schema.ts';
import { ResumeMismatchError, UserError } from '../../core/errors.ts';
import { MIN_GAMES, PAIRINGS, type Pairing } from '../../tournament/pairing.ts';
import { parseWinRule, type WinRule } from './win-rule.ts';

/** Whom models play: mutators and folders of testcases, or each other on the mutants of these. */
export const OPPONENTS = ['mutators', 'models'] as const;
export type Opponents = (typeof OPPONENTS)[number];

/** Settings of a campaign that games depend on. */
export const GAME_SETTINGS: readonly SettingName[] = [
  'seeds',
  'labels',
  'range',
  'shape',
  'preprocess',
  'table',
  'tokens',
  'fixed',
  'linf',
  'l2',
  'l0',
  'edits',
  'valid',
  'dictionary',
  'mutator',
  'corpus',
  'runtime',
  'signature',
  'tags',
  'half',
];

/** The other side of generators, in the place of one of these. */
export const DISCRIMINATORS = 'discriminators';

/** What is asked for of the games; undefined for the default, or for what a tournament that is resumed has. */
export interface GameFlags {
  readonly games?: number | undefined;
  readonly pairing?: Pairing | undefined;
  readonly win?: string | undefined;
  readonly opponents?: Opponents | undefined;
  /** Of generators: the law of their latent vectors, or a file with such. */
  readonly latent?: string | undefined;
  /** Files with real examples. */
  readonly real?: readonly string[] | undefined;
}

/** Settings of the games, as they are recorded. */
export interface GameSettings {
  readonly raw: RawSettings;
  readonly games: number;
  readonly pairing: Pairing;
  readonly win: string;
  readonly rule: WinRule;
  readonly opponents: Opponents | typeof DISCRIMINATORS;
  readonly latent: string;
  readonly real: readonly string[] | undefined;
}

const DEFAULTS = {
  games: 1000,
  pairing: 'all',
  win: 'correct',
  opponents: 'mutators',
  latent: 'normal',
} as const;

/** Settings that models alone, or generators alone, have. */
const OF_MODELS = ['win', 'opponents'] as const;
const OF_GENERATORS = ['latent', 'real'] as const;

/**
 * Settings of a new tournament.
 *
 * @param given settings of a campaign, from file and flags
 * @param isOfGenerators whether generators play discriminators
 * @throws UserError where they make no sense
 */
export function newGameSettings(given: RawSettings, flags: GameFlags, isOfGenerators: boolean): GameSettings {
  const foreign = (isOfGenerators ? OF_MODELS : OF_GENERATORS).find((name) => flags[name] !== undefined);
  if (foreign !== undefined)
    throw new UserError(
      isOfGenerators
        ? `--${foreign} is for models that play mutators, and generators play discriminators: leave it out`
        : `--${foreign} is for generators: name them with --generators and --discriminators`,
    );
  const {
    games = DEFAULTS.games,
    pairing = DEFAULTS.pairing,
    win = DEFAULTS.win,
    opponents = DEFAULTS.opponents,
    latent = DEFAULTS.latent,
    real,
  } = flags;
  if (games < MIN_GAMES)
    throw new UserError(`--games must be at least ${MIN_GAMES} for each pair, not ${games}`);
  const raw = Object.fromEntries(Object.entries(given).filter(([name]) => isGameSetting(name)));
  return {
    raw,
    games,
    pairing,
    win,
    rule: parseWinRule(win),
    opponents: isOfGenerators ? DISCRIMINATORS : opponents,
    latent,
    real,
  };
}

/** The settings as they stand in the first line of the file. */
export function recordedSettings({ raw, games, pairing, win, opponents, latent, real }: GameSettings) {
  return opponents === DISCRIMINATORS
    ? { ...raw, games, pairing, opponents, latent, ...(real === undefined ? {} : { real }) }
    : { ...raw, games, pairing, win, opponents };
}

/**
 * The settings of a tournament that is resumed.
 *
 * @throws ResumeMismatchError where others are asked for
 */
export function resumedGameSettings(
  recorded: Readonly<Record<string, unknown>>,
  given: RawSettings,
  flags: GameFlags,
): GameSettings {
  const asked = Object.entries({ ...given, ...flags }).filter(([, value]) => value !== undefined);
  for (const [name, value] of asked)
    if (
      (isGameSetting(name) || Object.hasOwn(DEFAULTS, name) || name === 'real') &&
      JSON.stringify(value) !== JSON.stringify(recorded[name])
    )
      throw new ResumeMismatchError(
        `the tournament was begun with another --${name}`,
        'leave the flag out, or choose another folder with --out',
      );
  const raw = Object.fromEntries(Object.entries(recorded).filter(([name]) => isGameSetting(name)));
  const { games, pairing, win = DEFAULTS.win, opponents, latent = DEFAULTS.latent, real } = recorded;
  const isWhole =
    typeof games === 'number' &&
    PAIRINGS.some((kind) => kind === pairing) &&
    typeof win === 'string' &&
    typeof latent === 'string' &&
    (real === undefined || Array.isArray(real)) &&
    [...OPPONENTS, DISCRIMINATORS].some((kind) => kind === opponents);
  if (!isWhole)
    throw new UserError(
      '--resume: the settings of the tournament are damaged: choose another folder with --out',
    );
  return {
    raw,
    games,
    pairing: pairing as Pairing,
    win,
    rule: parseWinRule(win),
    opponents: opponents as GameSettings['opponents'],
    latent,
    real: real as readonly string[] | undefined,
  };
}

function isGameSetting(name: string): boolean {
  return GAME_SETTINGS.some((setting) => setting === name);
}
