import { dirname } from 'node:path';
import type * as z from 'zod';
import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { readText } from '../core/read-bounded.ts';
import { applyThreatModel, defaultGoalObjective } from './apply-threat-model.ts';
import { flagName } from './flag-meta.ts';
import { MAX_YAML_BYTES, parseYaml } from './parse-yaml.ts';
import { presetSettings } from './presets.ts';
import { rebasePaths } from './rebase-paths.ts';
import { type CampaignConfig, campaignSchema, flagSettings, type SettingName } from './schema.ts';

/** Settings that the schema has not checked yet, by their names in the campaign file. */
export type RawSettings = Readonly<Partial<Record<SettingName, unknown>>>;

/** Keys that the campaign.yaml of a campaign's folder has in addition to its settings; `fuzz --config` ignores them. */
const MANIFEST_KEYS = new Set(['formatVersion', 'resolved']);

/**
 * Reads a campaign file, YAML or JSON. Its relative paths are relative to it; they come back relative to
 * the working folder.
 *
 * @throws UserError where it can't be read, is no mapping or holds an unknown key
 */
export async function readCampaignFile(path: string): Promise<RawSettings> {
  const raw = parseYaml(readText(path, 'read the campaign file', MAX_YAML_BYTES), path);
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new UserError(
      `${path} is not a campaign file: write settings such as 'model: net.onnx', one per line`,
    );
  }
  return extractSettings(raw, path);
}

/**
 * Settings of a file's mapping, their relative paths relative to the working folder.
 *
 * @param path the file that they stand in
 * @param where their name in messages; the file by default
 * @throws UserError naming a key that is no setting
 */
export function extractSettings(raw: object, path: string, where = path): RawSettings {
  const settings: Record<string, unknown> = { ...knownSettings(raw, where) };
  // Folders of campaigns that emulate nothing are as they were before half precision was emulated.
  if (Object.hasOwn(raw, 'resolved') && settings.half === undefined) settings.half = 'off';
  if (Object.hasOwn(raw, 'resolved')) dropThreatLimits(settings);
  return rebasePaths(settings, dirname(path));
}

/** Removes the settings that a campaign's folder records of its threat model's limits, which give them again. */
function dropThreatLimits(settings: Record<string, unknown>): void {
  for (const name of Object.keys(valueAt(settings, ['threatModel', 'limits']) ?? {})) delete settings[name];
}

/**
 * Settings of a mapping, their paths as they are.
 *
 * @param where the mapping's name in messages
 * @throws UserError naming a key that is no setting
 */
export function knownSettings(raw: object, where: string, others: readonly string[] = []): RawSettings {
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) {
    if (MANIFEST_KEYS.has(key)) continue;
    if (!Object.hasOwn(campaignSchema.shape, key)) {
      const known = [...Object.keys(campaignSchema.shape), ...others];
      throw new UserError(`${where}: unknown setting ${key}: ${suggestName(key, known)}`);
    }
    if (value !== null && value !== undefined) settings[key] = value;
  }
  return settings;
}

/**
 * Checks a campaign's settings against the schema. A preset stands below both the file and the flags.
 *
 * @param source where they come from, for messages: a file's path; flags are named by their own spelling
 * @throws UserError naming the first setting that makes no sense, or contradicts the threat model
 */
export function checkSettings(
  file: RawSettings,
  flags: RawSettings,
  source: string | undefined,
): CampaignConfig {
  refuseReservedNames(flags);
  const settings = { ...presetSettings(file, flags), ...file, ...flags };
  const parsed = campaignSchema.safeParse(withDefaultObjective(settings));
  if (parsed.success) return applyThreatModel(parsed.data, flags, source);
  throw settingError(parsed.error, file, flags, source);
}

/**
 * Checks flags against some sections of the schema.
 *
 * @throws UserError naming the first flag whose value makes no sense
 */
export function parseSections<S extends z.ZodObject>(schema: S, flags: RawSettings): z.output<S> {
  refuseReservedNames(flags);
  const parsed = schema.safeParse(flags);
  if (parsed.success) return parsed.data;
  throw settingError(parsed.error, {}, flags, undefined);
}

/** The schema's records leave this name out in silence. @throws UserError naming the flag that has a value for it */
function refuseReservedNames(flags: RawSettings): void {
  for (const [name, value] of Object.entries(flags))
    if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'))
      throw new UserError(
        `${flagOfSetting(name as SettingName)}: the name __proto__ is reserved and cannot be an input's name`,
      );
}

function settingError(
  { issues }: z.ZodError,
  file: RawSettings,
  flags: RawSettings,
  source: string | undefined,
): UserError {
  // A misspelt name is why another one is missing.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  const name = String(issue.path[0]) as SettingName;
  const isFlag = Object.hasOwn(flags, name);
  const where = isFlag ? flagOfSetting(name) : `${source ?? 'campaign'}: ${name}`;
  const given = (isFlag ? flags : file)[name];
  const ofInput = issueOfInput(issue, given);
  if (ofInput === undefined) {
    const problem = isMissing(issue, given)
      ? `must have ${issue.path.slice(1).join('.')}`
      : describeIssue(issue, given);
    return new UserError(
      `${where} ${isFlag ? problem : inFileForm(problem, true)}, not ${JSON.stringify(given)}`,
    );
  }
  const { input, value, issue: inner } = ofInput;
  const problem = describeIssue(inner, value);
  return new UserError(
    isFlag
      ? `${where} ${input} ${problem}, not ${JSON.stringify(value)}`
      : `${where}.${input} ${inFileForm(problem, false)}, not ${JSON.stringify(value)}`,
  );
}

/** Whether the issue is that a mapping lacks a field. */
function isMissing({ code, path }: z.core.$ZodIssue, given: unknown): boolean {
  const isWithin = typeof given === 'object' && given !== null && !Array.isArray(given) && path.length > 1;
  return code === 'invalid_type' && isWithin && valueAt(given, path.slice(1).map(String)) === undefined;
}

/** Lists as flags write them, and as campaign files do. */
const LIST_FORMS: readonly (readonly [flag: string, file: string])[] = [
  ['two numbers lo,hi', '[low, high]'],
  ['1,128', '[1, 128]'],
];

/** Replaces the flag's form of a list in a message by that of a campaign file. */
function inFileForm(message: string, isForAllInputs: boolean): string {
  return LIST_FORMS.reduce(
    (text, [flag, file]) => text.replace(flag, isForAllInputs ? `${file} or input: ${file}` : file),
    message,
  );
}

/** The value within a mapping or a list; undefined where there is none. */
function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? new Map(Object.entries(inner)).get(key) : undefined,
    value,
  );
}

/** The issue with what a setting says of one input, where it is by input; undefined for other issues. */
function issueOfInput(
  issue: z.core.$ZodIssue,
  given: unknown,
): { readonly input: string; readonly value: unknown; readonly issue: z.core.$ZodIssue } | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const values = new Map(Object.entries(given));
  const named = String(issue.path[1]);
  if (issue.path.length > 1 && values.has(named)) {
    // A list is shown as a whole.
    const listAt = issue.path.findIndex((key) => typeof key === 'number');
    const path = issue.path.slice(1, listAt < 0 ? undefined : listAt).map(String);
    return { input: path.join('.'), value: valueAt(given, path), issue };
  }
  if (issue.code !== 'invalid_union') return undefined;
  for (const inner of issue.errors.flat()) {
    const input = String(inner.path[0]);
    if (inner.path.length > 0 && values.has(input)) return { input, value: values.get(input), issue: inner };
  }
  return undefined;
}

/** Without an objective, a second model is compared, generated text is judged, or a threat model's goal is searched for. */
function withDefaultObjective(settings: RawSettings): RawSettings {
  const { objective, quantize, against, againstRuntime, generate } = settings;
  if (objective !== undefined) return settings;
  if (generate !== undefined) return { ...settings, objective: ['text'] };
  if (quantize !== undefined) return { ...settings, objective: ['quantization'] };
  if (against !== undefined || againstRuntime !== undefined)
    return { ...settings, objective: ['differential'] };
  const ofGoal = defaultGoalObjective(settings.threatModel);
  return ofGoal === undefined ? settings : { ...settings, objective: [ofGoal] };
}

/** Describes an issue as the rest of a sentence that begins with the setting's name. */
export function describeIssue(issue: z.core.$ZodIssue, given: unknown): string {
  if (issue.code === 'invalid_key' && issue.issues.length > 0) return describeIssue(issue.issues[0], given);
  if (issue.code === 'invalid_union') {
    const branches = issue.errors.flat().filter((inner) => inner.path.length === 0);
    const message = issue.errors.flat().find((inner) => inner.message.startsWith('must'))?.message;
    return message ?? `must be ${listOfTypes(branches)}`;
  }
  if (issue.code === 'invalid_type' && !issue.message.startsWith('must'))
    return `must be ${listOfTypes([issue])}`;
  if (issue.code === 'unrecognized_keys' && !issue.message.startsWith('must'))
    return `must not have the unknown setting ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    return `must be one of ${values.join(', ')}${typeof given === 'string' ? nearestValueHint(given, values) : ''}`;
  }
  return issue.message.startsWith('must') ? issue.message : `must be valid (${issue.message})`;
}

/** Nouns for the types of zod, as the value of a setting. */
const TYPE_NOUNS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a mapping',
  record: 'a mapping',
  string: 'text',
  tuple: 'a list',
};

/** The types that issues expect: `text, a list or a mapping`. */
function listOfTypes(issues: readonly z.core.$ZodIssue[]): string {
  const nouns = issues.flatMap((issue) => {
    if (issue.code === 'invalid_type') return [TYPE_NOUNS[issue.expected] ?? issue.expected];
    return issue.code === 'invalid_value' ? issue.values.map(String) : [];
  });
  const unique = [...new Set(nouns)];
  if (unique.length === 0) return 'another type of value';
  return unique.length === 1 ? unique[0] : `${unique.slice(0, -1).join(', ')} or ${unique.at(-1)}`;
}

function nearestValueHint(given: string, values: readonly string[]): string {
  const suggestion = suggestName(given, values);
  return suggestion.startsWith('did') ? ` (${suggestion})` : '';
}

function flagOfSetting(name: SettingName): string {
  const setting = flagSettings().find((candidate) => candidate.name === name);
  return setting === undefined ? name : flagName(setting.meta);
}
