import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { suggestName } from '../core/did-you-mean.ts';
import { fileError, UserError } from '../core/errors.ts';
import { parseModuleSpec } from '../extensions/spec.ts';
import { flagName } from './flag-meta.ts';
import { type CampaignConfig, campaignSchema, flagSettings, type SettingName } from './schema.ts';

/** Settings before the schema saw them, by their names in the campaign file. */
export type RawSettings = Readonly<Partial<Record<SettingName, unknown>>>;

/** Keys that a campaign's own campaign.yaml has beside its settings; `fuzz --config` passes over them. */
const MANIFEST_KEYS = new Set(['formatVersion', 'resolved']);

/**
 * Reads a campaign file, YAML or JSON. Its relative paths are relative to it; they come back relative to
 * the working folder.
 *
 * @throws UserError where it can't be read, is no mapping or holds an unknown key
 */
export async function readCampaignFile(path: string): Promise<RawSettings> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw fileError(error, 'read the campaign file', path);
  }
  const raw = parseYaml(text, path);
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new UserError(`${path} is no campaign file: write settings such as 'model: net.onnx', one a line`);
  }
  return extractSettings(raw, path);
}

/** @throws UserError naming the file where it is no YAML */
export function parseYaml(text: string, path: string): unknown {
  const document = parseDocument(text);
  if (document.errors.length > 0)
    throw new UserError(`${path}: ${document.errors[0].message.split('\n', 1)[0].replace(/:$/, '')}`);
  return document.toJS({ maxAliasCount: 100 });
}

/**
 * Settings of a file's mapping, their relative paths relative to the working folder.
 *
 * @param path the file that they stand in
 * @param where what they are called in messages; the file unless told
 * @throws UserError naming a key that is no setting
 */
export function extractSettings(raw: object, path: string, where = path): RawSettings {
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) {
    if (MANIFEST_KEYS.has(key)) continue;
    if (!Object.hasOwn(campaignSchema.shape, key)) {
      const known = Object.keys(campaignSchema.shape);
      throw new UserError(`${where}: unknown setting ${key}: ${suggestName(key, known)}`);
    }
    if (value !== null) settings[key] = value;
  }
  return rebasePaths(settings, dirname(path));
}

function rebasePaths(settings: Record<string, unknown>, folder: string): RawSettings {
  const place = (path: string): string => relative('.', resolve(folder, path)) || '.';
  const pair = (text: string): string => {
    const at = text.indexOf('=');
    return at < 0 ? place(text) : `${text.slice(0, at + 1)}${place(text.slice(at + 1))}`;
  };
  const move = (value: unknown, one: (text: string) => string): unknown => {
    if (typeof value === 'string') return one(value);
    if (Array.isArray(value)) return value.map((item) => (typeof item === 'string' ? one(item) : item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([k, v]) => [k, typeof v === 'string' ? place(v) : v]),
    );
  };
  const moved = { ...settings };
  if ('model' in moved) moved.model = move(moved.model, place);
  if ('out' in moved) moved.out = move(moved.out, place);
  if ('against' in moved) moved.against = move(moved.against, place);
  if (typeof moved.labels === 'string' && !/^(?:folders|column(?:=.*)?)$/.test(moved.labels))
    moved.labels = place(moved.labels);
  if ('objective' in moved)
    moved.objective = mapStrings(moved.objective, (spec) => rebaseObjectiveSpec(spec, place));
  if ('corpus' in moved) moved.corpus = mapStrings(moved.corpus, place);
  for (const key of ['seeds', 'fixed', 'dictionary']) if (key in moved) moved[key] = move(moved[key], pair);
  for (const key of ['measure', 'scheduler'])
    if (typeof moved[key] === 'string') moved[key] = rebaseSpec(moved[key] as string, place);
  if ('mutator' in moved) moved.mutator = mapStrings(moved.mutator, (spec) => rebaseSpec(spec, place));
  if (typeof moved.tokens === 'object' && moved.tokens !== null) {
    moved.tokens = Object.fromEntries(
      Object.entries(moved.tokens).map(([name, one]) => [name, rebaseVocabulary(one, place)]),
    );
  }
  if ('generate' in moved) moved.generate = rebaseVocabulary(moved.generate, place);
  return moved;
}

function mapStrings(value: unknown, one: (text: string) => string): unknown {
  if (typeof value === 'string') return one(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapStrings(inner, one)]));
}

/** A spec whose module, where it names one, is moved. */
export function rebaseSpec(spec: string, place: (path: string) => string): string {
  const module = parseModuleSpec(spec);
  if (module === undefined) return spec;
  const { input, path, parameters } = module;
  const moved = place(path);
  const marked = /[/\\]/.test(moved) ? moved : `./${moved}`;
  return `${input}${marked}${parameters === '' ? '' : `:${parameters}`}`;
}

/** Rules of text that read a file, up to its path: what stands behind others may look like one. */
const TEXT_RULE_WITH_FILE =
  /^(\s*text:(?:name=[^,]*,)?(?:words|canary),(?:(?!file=)[a-z]+=[^,]*,)*file=)([^,]+)(.*)$/s;

/** The spec of an objective whose module, where it is one, or whose file is moved. */
export function rebaseObjectiveSpec(spec: string, place: (path: string) => string): string {
  const [, before, path, rest] = TEXT_RULE_WITH_FILE.exec(spec) ?? [];
  if (path !== undefined) return `${before}${place(path.trim())}${rest}`;
  return /^\s*[a-z][a-z0-9-]*(?::|\s*$)/.test(spec) ? spec : rebaseSpec(spec, place);
}

/** What stands for a vocabulary without a file. */
const CODEPOINTS = 'codepoints';

function rebaseVocabulary(settings: unknown, place: (path: string) => string): unknown {
  const { vocabulary } = (settings ?? {}) as { readonly vocabulary?: unknown };
  // What lies on a server is refused later, by its own name.
  if (typeof vocabulary !== 'string' || vocabulary === CODEPOINTS || /^\w+:\/\//.test(vocabulary))
    return settings;
  return { ...(settings as object), vocabulary: place(vocabulary) };
}

/**
 * Checks a campaign's settings against the schema.
 *
 * @param source where they come from, for messages: a file's path; flags are named by their own spelling
 * @throws UserError naming the first setting that makes no sense
 */
export function checkSettings(
  file: RawSettings,
  flags: RawSettings,
  source: string | undefined,
): CampaignConfig {
  const parsed = campaignSchema.safeParse(withDefaultObjective({ ...file, ...flags }));
  if (parsed.success) return parsed.data;
  throw settingError(parsed.error, file, flags, source);
}

/**
 * Checks flags against some sections of the schema.
 *
 * @throws UserError naming the first flag whose value makes no sense
 */
export function parseSections<S extends z.ZodObject>(schema: S, flags: RawSettings): z.output<S> {
  const parsed = schema.safeParse(flags);
  if (parsed.success) return parsed.data;
  throw settingError(parsed.error, {}, flags, undefined);
}

function settingError(
  { issues: [issue] }: z.ZodError,
  file: RawSettings,
  flags: RawSettings,
  source: string | undefined,
): UserError {
  const name = String(issue.path[0]) as SettingName;
  const isFlag = Object.hasOwn(flags, name);
  const where = isFlag ? flagOfSetting(name) : `${source ?? 'campaign'}: ${name}`;
  const given = (isFlag ? flags : file)[name];
  return new UserError(`${where} ${describeIssue(issue, given)}, not ${JSON.stringify(given)}`);
}

/** Two models are given to be compared, or one to go on with texts: that is then the objective where none is named. */
function withDefaultObjective(settings: RawSettings): RawSettings {
  const { objective, quantize, against, againstRuntime, generate } = settings;
  if (objective !== undefined) return settings;
  if (generate !== undefined) return { ...settings, objective: ['text'] };
  if (quantize !== undefined) return { ...settings, objective: ['quantization'] };
  if (against === undefined && againstRuntime === undefined) return settings;
  return { ...settings, objective: ['differential'] };
}

/** What is wrong with a setting, as the rest of a sentence that begins with its name. */
export function describeIssue(issue: z.core.$ZodIssue, given: unknown): string {
  if (issue.code === 'invalid_key' && issue.issues.length > 0) return describeIssue(issue.issues[0], given);
  if (issue.code === 'invalid_union') {
    const messages = issue.errors.flat().map((inner) => inner.message);
    const ours = messages.find((message) => message.startsWith('must'));
    return ours ?? 'must be of another kind';
  }
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    return `must be one of ${values.join(', ')}${typeof given === 'string' ? nearestValueHint(given, values) : ''}`;
  }
  return issue.message.startsWith('must') ? issue.message : `must be valid (${issue.message})`;
}

function nearestValueHint(given: string, values: readonly string[]): string {
  const text = suggestName(given, values);
  return text.startsWith('did') ? ` (${text})` : '';
}

function flagOfSetting(name: SettingName): string {
  const setting = flagSettings().find((candidate) => candidate.name === name);
  return setting === undefined ? name : flagName(setting.meta);
}
