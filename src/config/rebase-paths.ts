import { relative, resolve } from 'node:path';
import { parseModuleSpec } from '../extensions/spec.ts';
import { CODEPOINTS } from './values.ts';

type Rebase = (path: string) => string;

/** Changes the paths in a campaign file's settings from relative to its folder to relative to the working folder. */
export function rebasePaths(
  settings: Readonly<Record<string, unknown>>,
  folder: string,
): Record<string, unknown> {
  const rebase: Rebase = (path) => relative('.', resolve(folder, path)) || '.';
  const byKey = new Map<string, (value: unknown) => unknown>([
    ...['model', 'out', 'against', 'corpus', 'encoder', 'decoder', 'generator', 'judge'].map(
      (key) => [key, (value: unknown) => mapStrings(value, rebase)] as const,
    ),
    ...['seeds', 'fixed', 'dictionary', 'coverageReference'].map(
      (key) => [key, (value: unknown) => rebaseByInput(value, rebase)] as const,
    ),
    ...['measure', 'scheduler'].map(
      (key) => [key, (value: unknown) => mapStrings(value, (spec) => rebaseSpec(spec, rebase))] as const,
    ),
    ['mutator', (value) => mapStrings(value, (spec) => rebaseMutatorSpec(spec, rebase))],
    ['objective', (value) => mapStrings(value, (spec) => rebaseObjectiveSpec(spec, rebase))],
    ['labels', (value) => mapStrings(value, (source) => rebaseLabels(source, rebase))],
    ['tokens', (value) => mapValues(value, (input) => rebaseVocabulary(input, rebase))],
    ['generate', (value) => rebaseVocabulary(value, rebase)],
    ['threatModel', (value) => rebaseThreatModel(value, rebase)],
  ]);
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, byKey.get(key)?.(value) ?? value]),
  );
}

/** Paths for all inputs, of which a `name=path` names one input, or a mapping of names to paths. */
function rebaseByInput(value: unknown, rebase: Rebase): unknown {
  if (typeof value === 'object' && !Array.isArray(value)) return mapStrings(value, rebase);
  return mapStrings(value, (text) => {
    const at = text.indexOf('=') + 1;
    return `${text.slice(0, at)}${rebase(text.slice(at))}`;
  });
}

function rebaseLabels(source: string, rebase: Rebase): string {
  return /^(?:folders|column(?:=.*)?)$/.test(source) ? source : rebase(source);
}

/** Applies a function to each string in a value, however deep. */
function mapStrings(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, map));
  return mapValues(value, (inner) => mapStrings(inner, map));
}

function mapValues(value: unknown, map: (inner: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, map(inner)]));
}

/** Changes the path in a spec that names a module. */
export function rebaseSpec(spec: string, rebase: Rebase): string {
  const module = parseModuleSpec(spec);
  if (module === undefined) return spec;
  const { input, path, parameters } = module;
  const rebased = rebase(path);
  const marked = /[/\\]/.test(rebased) ? rebased : `./${rebased}`;
  return `${input}${marked}${parameters === '' ? '' : `:${parameters}`}`;
}

/** The mutator that reads a file, for all inputs or for one, up to its path. */
const MUTATOR_WITH_FILE = /^((?:[^/\\:=]+=)?\s*program:(?:(?!file=)[a-z]+=[^,]*,)*file=)([^,]+)(.*)$/s;

/** Changes the path in the spec of a mutator that names a module or a file. */
export function rebaseMutatorSpec(spec: string, rebase: Rebase): string {
  const [, before, path, rest] = MUTATOR_WITH_FILE.exec(spec) ?? [];
  return path === undefined ? rebaseSpec(spec, rebase) : `${before}${rebase(path.trim())}${rest}`;
}

/** Text rules that read a file, up to its path: the text of other rules may look like one. */
const TEXT_RULE_WITH_FILE =
  /^(\s*text:(?:name=[^,]*,)?(?:words|canary),(?:(?!file=)[a-z]+=[^,]*,)*file=)([^,]+)(.*)$/s;

/** Changes the path in the spec of an objective that names a module or a file. */
export function rebaseObjectiveSpec(spec: string, rebase: Rebase): string {
  const [, before, path, rest] = TEXT_RULE_WITH_FILE.exec(spec) ?? [];
  if (path !== undefined) return `${before}${rebase(path.trim())}${rest}`;
  return /^\s*[a-z][a-z0-9-]*(?::|\s*$)/.test(spec) ? spec : rebaseSpec(spec, rebase);
}

/** Changes the paths of a threat model: of masks, of the surrogate, and of the model that tells plausible inputs. */
export function rebaseThreatModel<T>(threatModel: T, rebase: Rebase): T {
  if (typeof threatModel !== 'object' || threatModel === null) return threatModel;
  const rebased = new Map<string, unknown>(Object.entries(threatModel));
  const within = (name: string, key: string, change: (value: unknown) => unknown): void => {
    const section = rebased.get(name);
    if (typeof section === 'object' && section !== null && key in section)
      rebased.set(name, { ...section, [key]: change(new Map(Object.entries(section)).get(key)) });
  };
  within('limits', 'fixed', (value) => rebaseByInput(value, rebase));
  within('knows', 'surrogate', (value) => mapStrings(value, rebase));
  const plausible = rebased.get('plausible');
  if (typeof plausible === 'string') rebased.set('plausible', rebasePlausible(plausible, rebase));
  return Object.fromEntries(rebased) as T;
}

/** A bound with the path of its model rebased; one that is no bound is refused later, as it was given. */
function rebasePlausible(plausible: string, rebase: Rebase): string {
  const bound = plausible.search(/(?:\[\d+\])?\s*[<>]/);
  if (bound <= 0) return plausible;
  return `${rebase(plausible.slice(0, bound).trim())}${plausible.slice(bound)}`;
}

function rebaseVocabulary(settings: unknown, rebase: Rebase): unknown {
  if (typeof settings !== 'object' || settings === null || !('vocabulary' in settings)) return settings;
  const { vocabulary } = settings;
  // An address on a server is refused later, as it was given.
  if (typeof vocabulary !== 'string' || vocabulary === CODEPOINTS || /^\w+:\/\//.test(vocabulary))
    return settings;
  return { ...settings, vocabulary: rebase(vocabulary) };
}
