import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { type Parameter, type ParameterValues, parameterValues, parseParameterValue } from './parameters.ts';

/** A setting of a spec that is a word, as `fold=case`. */
export interface WordSetting {
  readonly help: string;
  /** The words that may be given; any may where these are absent. */
  readonly legal?: readonly string[];
  /** Whether all text behind it is its value, commas included. */
  readonly takesRest?: boolean;
}

/** What the settings of a kind's specs may consist of. */
export interface SettingsGrammar {
  readonly parameters: readonly Parameter[];
  readonly words?: Readonly<Record<string, WordSetting>>;
  /** What the text behind all other settings is; absent for kinds that take no text. */
  readonly text?: string;
}

/** The settings of a spec beside its parameters. */
export interface SettingsContext {
  /** Settings that are words, by name. */
  readonly words: Readonly<Partial<Record<string, string>>>;
  /** The text behind the settings; empty where there is none. */
  readonly text: string;
  /** The name that the spec gives this one of several of a kind; empty where there is none. */
  readonly name: string;
}

/** All settings of a spec. */
export interface Settings extends SettingsContext {
  readonly values: ParameterValues;
}

/** Legal values of `name=`: it becomes a part of signatures. */
const INSTANCE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/;

/**
 * Parses the text behind the colon of a spec, such as `atol=0.01,rtol=0.1` or `name=bounded,max(abs(logits)) < 50`.
 *
 * @param where the flag, as `--objective`
 * @param kind the kind as the spec names it
 * @param takesName whether `name=` may be among the settings
 * @throws UserError on an unknown parameter, or a value that is not legal
 */
export function parseSettings(
  where: string,
  kind: string,
  grammar: SettingsGrammar,
  settings: string,
  takesName: boolean,
): Settings {
  const { parameters, words: wordSettings = {}, text: takesText } = grammar;
  const values = new Map<string, number>();
  const words: Partial<Record<string, string>> = {};
  let name = '';
  let text = settings.trim();
  const readFirst = takesText === undefined ? firstSetting : firstAssignment;
  for (let setting = readFirst(text); setting !== undefined; setting = readFirst(text)) {
    const { key } = setting;
    const parameter = parameters.find((candidate) => candidate.name === key);
    const word = Object.hasOwn(wordSettings, key) ? wordSettings[key] : undefined;
    const { value, length } = word?.takesRest === true ? restAfter(text) : setting;
    if (parameter !== undefined)
      values.set(key, parseParameterValue(`${where}: ${kind}:${key}`, parameter, value));
    else if (key === 'name' && takesName) name = checkInstanceName(`${where}: ${kind}:name`, value);
    else if (word !== undefined) words[key] = checkWord(`${where}: ${kind}:${key}`, word, value);
    else if (takesText !== undefined) break;
    else throw unknownSetting(where, kind, grammar, key || text);
    text = text.slice(length).trim();
  }
  return { values: parameterValues(values), words, text: takesText === undefined ? '' : text, name };
}

/** The `key=value` at the start of a text that settings and another text share; a comparison is not one. */
function firstAssignment(text: string) {
  const found = /^([A-Za-z][A-Za-z0-9-]*)=(?!=)([^,]*)(?:,|$)/.exec(text);
  return found === null ? undefined : { key: found[1], value: found[2].trim(), length: found[0].length };
}

/** The setting at the start of a text of settings alone; one without a value has an empty one. Empty parts are skipped. */
function firstSetting(text: string) {
  const found = /^,*([^,=]+|(?==))(?:=([^,]*))?/.exec(text);
  if (found === null) return undefined;
  const [{ length }, key, value = ''] = found;
  return { key: key.trim(), value: value.trim(), length };
}

/** The value of a setting that takes all of a text. */
function restAfter(text: string) {
  return { value: text.slice(text.indexOf('=') + 1).trim(), length: text.length };
}

/** @throws UserError where a name is none that may be a part of signatures */
export function checkInstanceName(where: string, name: string): string {
  if (INSTANCE_NAME.test(name)) return name;
  throw new UserError(`${where} must be letters, digits, '.', '_' and '-', at most 40, not '${name}'`);
}

function checkWord(where: string, { legal }: WordSetting, word: string): string {
  if (word !== '' && legal?.includes(word) !== false) return word;
  throw new UserError(
    `${where} must be ${legal === undefined ? 'something' : `one of ${legal.join(', ')}`}, not '${word}'`,
  );
}

function unknownSetting(
  where: string,
  kind: string,
  { parameters, words = {} }: SettingsGrammar,
  key: string,
): UserError {
  const known = [...parameters.map(({ name }) => name), ...Object.keys(words)];
  const hint = known.length === 0 ? 'it has none' : suggestName(key, known);
  return new UserError(`${where}: ${kind} has no parameter ${key}: ${hint}`);
}
