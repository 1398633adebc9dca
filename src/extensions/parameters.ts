import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';

/** A parameter of an objective, as users may set it: `quantization:atol=0.01`. */
export interface ObjectiveParameter {
  readonly name: string;
  /** What it does, and in which unit. */
  readonly help: string;
  /** Legal values, both ends included. */
  readonly between: readonly [low: number, high: number];
  readonly integer?: boolean;
  /** @deprecated the name of `integer` in older plug-ins */
  readonly whole?: boolean;
}

/** The parameters that were set, by name. */
export type ObjectiveValues = Readonly<Partial<Record<string, number>>>;

/** What a spec says beside the kind of objective. */
export interface ObjectiveSettings {
  readonly values: ObjectiveValues;
  /** Settings that are words, by name. */
  readonly words: Readonly<Partial<Record<string, string>>>;
  /** What stands behind the parameters, for kinds that take such; else empty. */
  readonly text: string;
  /** The user's name for it, for kinds of which a campaign may have several; empty where there is none. */
  readonly name: string;
}

/** What is legal in a user's name for an objective: it becomes a part of signatures. */
const OBJECTIVE_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/;

/**
 * Takes what stands behind an objective's colon apart, such as `atol=0.01,rtol=0.1` or
 * `name=bounded,max(abs(logits)) < 50`.
 *
 * @param takesText whether a text may stand behind the parameters
 * @param words settings that are words, with those that are legal; any, where none are named
 * @throws UserError on an unknown parameter or a value that makes no sense
 */
export function parseObjectiveSettings(
  kind: string,
  parameters: readonly ObjectiveParameter[],
  rest: string,
  takesText: boolean,
  words: Readonly<Record<string, { readonly legal?: readonly string[] | undefined }>> = {},
): ObjectiveSettings {
  const values: Partial<Record<string, number>> = {};
  const spelled: Partial<Record<string, string>> = {};
  let name = '';
  let text = rest.trim();
  for (let part = firstAssignment(text); part !== undefined; part = firstAssignment(text)) {
    const { key, given, whole } = part;
    const parameter = parameters.find((candidate) => candidate.name === key);
    if (key === 'name' && parameter === undefined) {
      if (!OBJECTIVE_NAME_PATTERN.test(given))
        throw new UserError(
          `--objective: ${kind}:name must be letters, digits, '.', '_' and '-', at most 40, not '${given}'`,
        );
      name = given;
    } else if (parameter !== undefined) {
      values[key] = parseParameterValue(`--objective: ${kind}:${key}`, parameter, given);
    } else if (Object.hasOwn(words, key)) {
      const { legal } = words[key];
      if (given === '' || legal?.includes(given) === false)
        throw new UserError(
          `--objective: ${kind}:${key} must be ${legal === undefined ? 'something' : `one of ${legal.join(', ')}`}, not '${given}'`,
        );
      spelled[key] = given;
    } else if (takesText) break;
    else {
      const known = [...parameters.map((candidate) => candidate.name), ...Object.keys(words)];
      const hint = known.length === 0 ? 'it has none' : suggestName(key, known);
      throw new UserError(`--objective: ${kind} has no parameter ${key}: ${hint}`);
    }
    text = text.slice(whole.length).trim();
  }
  if (text !== '' && !takesText) {
    const known = [...parameters.map((candidate) => candidate.name), ...Object.keys(words)];
    const hint = known.length === 0 ? 'it has none' : suggestName(text, known);
    throw new UserError(`--objective: ${kind} has no parameter ${text}: ${hint}`);
  }
  return { values, words: spelled, text, name };
}

/** The `key=value` that a text begins with; a comparison is none. */
function firstAssignment(text: string) {
  const found = /^([A-Za-z][A-Za-z0-9-]*)=(?!=)([^,]*)(?:,|$)/.exec(text);
  return found === null ? undefined : { whole: found[0], key: found[1], given: found[2].trim() };
}

/**
 * The number that a text gives a parameter.
 *
 * @throws UserError where it is none, or out of bounds
 */
export function parseParameterValue(
  where: string,
  { between, whole, integer = whole }: ObjectiveParameter,
  given: string,
): number {
  const value = given.trim() === '' ? Number.NaN : Number(given);
  const [low, high] = between;
  if (value >= low && value <= high && (integer !== true || Number.isInteger(value))) return value;
  const bounds = Number.isFinite(high) ? `from ${low} to ${high}` : `of at least ${low}`;
  throw new UserError(
    `${where} must be a ${integer === true ? 'whole ' : ''}number ${bounds}, not '${given}'`,
  );
}
