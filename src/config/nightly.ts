import { dirname, relative, resolve } from 'node:path';
import * as z from 'zod';
import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { readText } from '../core/read-bounded.ts';
import { checkSettings, describeIssue, extractSettings, type RawSettings, readCampaignFile } from './load.ts';
import { MAX_YAML_BYTES, parseYaml } from './parse-yaml.ts';
import type { CampaignConfig } from './schema.ts';
import { duration, parseDuration } from './values.ts';

/** Default number of testcases above which a corpus is distilled, and of runs to minimize a new fault's finding. */
const DEFAULT_DISTILL_SIZE = 20_000;
const DEFAULT_MINIMIZE_TRIES = 2_000;

/** Default number of games of each pair of a cup. */
const DEFAULT_CUP_GAMES = 200;

/** Default number of nights whose reports are kept. */
const DEFAULT_KEPT_NIGHTS = 14;

const integer = z.int('must be a whole number');

/** `14 nights`, `1 night` or a number. */
const nightCount = z.union([
  z
    .string('must be a number of nights, such as 14 nights')
    .regex(/^[1-9]\d{0,4}( nights?)?$/, 'must be a number of nights, such as 14 nights')
    .transform((text) => Number.parseInt(text, 10)),
  integer.positive('must be 1 or more'),
]);

/** Settings of campaigns that nightly files do not have. */
export const EXCLUDED_SETTINGS = ['out', 'untilFinding', 'preset'] as const;

/** A nightly file: the one definition of its settings, those of its campaigns excepted. */
export const nightlySchema = z.strictObject({
  time: duration.meta({ help: 'time for all campaigns together, such as 8h' }),
  out: z.string().min(1).default('neurofuzz-nights').meta({ help: 'folder of campaigns and reports' }),
  title: z.string().min(1).default('neurofuzz nightly').meta({ help: 'heading of the reports' }),
  queue: z
    .union([z.literal(true), z.string('must be true, or an address such as redis://host:6379').min(1)])
    .optional()
    .meta({
      help: 'run all campaigns in parallel on the machines of a queue: an address, or true for $NEUROFUZZ_QUEUE',
    }),
  keep: nightCount.default(DEFAULT_KEPT_NIGHTS).meta({
    help: 'number of nights whose reports are kept, such as 14 nights',
    defaultText: `${DEFAULT_KEPT_NIGHTS} nights`,
  }),
  distill: integer
    .positive('must be 1 or more')
    .default(DEFAULT_DISTILL_SIZE)
    .meta({ help: 'number of testcases above which a corpus is distilled to at most half of that' }),
  minimize: integer
    .min(0, 'must be 0 or more')
    .default(DEFAULT_MINIMIZE_TRIES)
    .meta({ help: 'maximum number of runs to minimize a new finding; 0: do not minimize' }),
  cup: z
    .looseObject({
      model: z.string().min(1).meta({ help: "tonight's model, an .onnx file, which joins the cup" }),
      release: z.string().min(1).meta({ help: 'the model of the last release, which it is compared with' }),
      config: z.string().min(1).optional().meta({
        help: 'campaign file with seeds, labels, mutators and limits; settings next to it override it',
      }),
      games: integer
        .min(20, 'must be 20 or more')
        .default(DEFAULT_CUP_GAMES)
        .meta({ help: 'games of each pair' }),
    })
    .optional()
    .meta({ help: 'a tournament that each night joins: see docs/tournament.md' }),
  campaigns: z
    .record(
      z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'must have a name of letters, digits, dots and hyphens'),
      z.looseObject({
        config: z.string().min(1).optional().meta({ help: 'campaign file; settings next to it override it' }),
        share: z
          .number('must have a number as share')
          .positive('must have a share above 0')
          .default(1)
          .meta({ help: 'weight in the division of the time: 2 gets twice the time of 1' }),
      }),
    )
    .refine((all) => Object.keys(all).length > 0, 'must name one campaign or more')
    .meta({ help: 'the campaigns by their names' }),
});

/** One campaign of a night. */
export interface NightlyCampaign {
  readonly name: string;
  /** Weight in the division of the time. */
  readonly share: number;
  readonly config: CampaignConfig;
}

/** A tournament that tonight's model joins. */
export interface NightlyCup {
  readonly model: string;
  readonly release: string;
  readonly games: number;
  /** Settings of the games: seeds, labels, mutators, limits. */
  readonly settings: RawSettings;
}

/** Settings of a night; paths are relative to the working folder. */
export interface NightlyConfig
  extends Readonly<Omit<z.output<typeof nightlySchema>, 'campaigns' | 'time' | 'keep' | 'cup'>> {
  /** Milliseconds. */
  readonly time: number;
  readonly keep: number;
  /** Absent where there is none. */
  readonly cup?: NightlyCup;
  readonly campaigns: readonly NightlyCampaign[];
}

/**
 * Reads a nightly file, YAML or JSON. Its relative paths are relative to it.
 *
 * @throws UserError naming the first setting that makes no sense
 */
export async function readNightlyFile(path: string): Promise<NightlyConfig> {
  const raw = parseYaml(readText(path, 'read the nightly file', MAX_YAML_BYTES), path);
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new UserError(`${path} is not a nightly file: write 'time: 8h', and campaigns with their names`);
  const known = Object.keys(nightlySchema.shape);
  for (const key of Object.keys(raw))
    if (!known.includes(key))
      throw new UserError(`${path}: unknown setting ${key}: ${suggestName(key, known)}`);
  const parsed = nightlySchema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`${path}: ${issue.path.map(String).join('.')} ${describeIssue(issue, undefined)}`);
  }
  const { campaigns, time, out, cup, ...settings } = parsed.data;
  const resolved: NightlyCampaign[] = [];
  for (const [name, campaign] of Object.entries(campaigns))
    resolved.push(await readCampaign(path, name, campaign));
  return {
    ...settings,
    time: parseDuration(time),
    out: relative('.', resolve(dirname(path), out)) || '.',
    ...(cup === undefined ? {} : { cup: await readCup(path, cup) }),
    campaigns: resolved,
  };
}

type RawCup = NonNullable<z.output<typeof nightlySchema>['cup']>;

async function readCup(
  path: string,
  { config, games, model, release, ...given }: RawCup,
): Promise<NightlyCup> {
  const here = (name: string): string => relative('.', resolve(dirname(path), name));
  const where = `${path}: cup`;
  const settings = extractSettings(given, path, where);
  for (const key of EXCLUDED_SETTINGS)
    if (settings[key] !== undefined) throw new UserError(`${where}: ${key} is not allowed in a nightly file`);
  const file = config === undefined ? {} : await readCampaignFile(here(config));
  const { model: _model, out: _out, ...kept } = { ...file, ...settings };
  checkSettings(kept, {}, where);
  return { model: here(model), release: here(release), games, settings: kept };
}

type RawCampaign = z.output<typeof nightlySchema>['campaigns'][string];

async function readCampaign(
  path: string,
  name: string,
  { config, share, ...given }: RawCampaign,
): Promise<NightlyCampaign> {
  const where = `${path}: campaigns.${name}`;
  const settings = extractSettings(given, path, where);
  const file: RawSettings =
    config === undefined ? {} : await readCampaignFile(relative('.', resolve(dirname(path), config)));
  const all = { ...file, ...settings };
  if (all.model === undefined)
    throw new UserError(`${where} has no model: set model, or config with a campaign file that has one`);
  for (const key of EXCLUDED_SETTINGS)
    if (settings[key] !== undefined) throw new UserError(`${where}: ${key} is not allowed in a nightly file`);
  // A preset limits a campaign on its own; a night divides its time.
  const { out: _out, untilFinding: _until, preset: _preset, ...kept } = all;
  return { name, share, config: checkSettings(kept, {}, where) };
}
