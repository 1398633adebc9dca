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
    ...['model', 'out', 'against', 'corpus'].map(
      (key) => [key, (value: unknown) => mapStrings(value, rebase)] as const,
    ),
    ...['seeds', 'fixed', 'dictionary', 'coverageReference'].map(
      (key) => [key, (value: unknown) => rebaseByInput(value, rebase)] as const,
    ),
    ...['measure', 'scheduler', 'mutator'].map(
      (key) => [key, (value: unknown) => mapStrings(value, (spec) => rebaseSpec(spec, rebase))] as const,
    ),
    ['objective', (value) => mapStrings(value, (spec) => rebaseObjectiveSpec(spec, rebase))],
    ['labels', (value) => mapStrings(value, (source) => rebaseLabels(source, rebase))],
    ['tokens', (value) => mapValues(value, (input) => rebaseVocabulary(input, rebase))],
    ['generate', (value) => rebaseVocabulary(value, rebase)],
    ['threatModel', (value) => rebaseThreatLimits(value, rebase)],
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

/** Text rules that read a file, up to its path: the text of other rules may look like one. */
const TEXT_RULE_WITH_FILE =
  /^(\s*text:(?:name=[^,]*,)?(?:words|canary),(?:(?!file=)[a-z]+=[^,]*,)*file=)([^,]+)(.*)$/s;

/** Changes the path in the spec of an objective that names a module or a file. */
export function rebaseObjectiveSpec(spec: string, rebase: Rebase): string {
  const [, before, path, rest] = TEXT_RULE_WITH_FILE.exec(spec) ?? [];
  if (path !== undefined) return `${before}${rebase(path.trim())}${rest}`;
  return /^\s*[a-z][a-z0-9-]*(?::|\s*$)/.test(spec) ? spec : rebaseSpec(spec, rebase);
}

/** Changes the paths of masks in the limits of a threat model. */
export function rebaseThreatLimits<T>(threatModel: T, rebase: Rebase): T {
  if (typeof threatModel !== 'object' || threatModel === null || !('limits' in threatModel))
    return threatModel;
  const { limits } = threatModel;
  if (typeof limits !== 'object' || limits === null || !('fixed' in limits)) return threatModel;
  return { ...threatModel, limits: { ...limits, fixed: rebaseByInput(limits.fixed, rebase) } };
}

function rebaseVocabulary(settings: unknown, rebase: Rebase): unknown {
  if (typeof settings !== 'object' || settings === null || !('vocabulary' in settings)) return settings;
  const { vocabulary } = settings;
  // An address on a server is refused later, as it was given.
  if (typeof vocabulary !== 'string' || vocabulary === CODEPOINTS || /^\w+:\/\//.test(vocabulary))
    return settings;
  return { ...settings, vocabulary: rebase(vocabulary) };
}
