import * as z from 'zod';
import { type FlagMeta, flagName } from '../../config/flag-meta.ts';
import { UserError } from '../../core/errors.ts';

type Schema = z.core.$ZodType;

/** What the command line holds: text, several texts of a `<x...>` flag, `true` where no text follows. */
export type FlagText = string | readonly string[] | boolean;

/**
 * Value of a flag as the setting's schema takes it. Text that fits nothing stays text, so that the schema refuses
 * it as it was typed.
 *
 * @throws UserError naming the flag where text is not laid out as the setting needs it
 */
export function parseFlag(schema: Schema, meta: FlagMeta, given: FlagText): unknown {
  const alternatives = alternativesOf(schema);
  const settings = alternatives.find((alternative) => alternative instanceof z.ZodObject);
  if (typeof given === 'boolean') return settings === undefined ? given : {};
  if (typeof given === 'string')
    return settings === undefined ? parseText(schema, given) : parsePositional(settings, meta, given);
  const [word] = given;
  const isWord =
    given.length === 1 &&
    alternatives.some((choice) => choice instanceof z.ZodEnum && z.safeParse(choice, word).success);
  if (settings !== undefined) return isWord ? word : parsePairs(settings, meta, given);
  const byInput = alternatives.find((alternative) => alternative instanceof z.ZodRecord);
  // Names of inputs are known once a model is loaded: until then an equals sign may be a path's own.
  if (byInput === undefined || alternatives.some(isTextList)) return given;
  return parseByInput(schema, byInput, meta, given);
}

/** Text as the first of the schema's alternatives that takes it. */
export function parseText(schema: Schema, text: string): unknown {
  const alternatives = alternativesOf(schema);
  const holdsText = alternatives.some((alternative) => alternative instanceof z.ZodString);
  // Where any text is legal, a comma is part of it.
  const candidates = alternatives.filter((alternative) => !(holdsText && alternative instanceof z.ZodArray));
  const values = candidates.map((alternative) => parseAs(alternative, text));
  const fitting = candidates.findIndex((alternative, i) => z.safeParse(alternative, values[i]).success);
  return fitting >= 0 ? values[fitting] : (values.find((value) => value !== text) ?? text);
}

/** The schemas of which one must take a value: those of a union, without defaults and transforms around them. */
function alternativesOf(schema: Schema): Schema[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return alternativesOf(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return alternativesOf(schema.def.in);
  if (schema instanceof z.ZodUnion) return schema.def.options.flatMap(alternativesOf);
  return [schema];
}

function isTextList(schema: Schema): boolean {
  return (
    schema instanceof z.ZodArray &&
    alternativesOf(schema.def.element).some((element) => element instanceof z.ZodString)
  );
}

function parseAs(schema: Schema, text: string): unknown {
  if (schema instanceof z.ZodNumber) return parseNumber(text);
  if (schema instanceof z.ZodString) return schema.meta()?.text === 'escaped' ? unescapeText(text) : text;
  if (schema instanceof z.ZodArray) return text.split(',').map((part) => parseText(schema.def.element, part));
  if (schema instanceof z.ZodTuple) {
    const { items } = schema.def;
    return text.split(',').map((part, i) => parseText(items[Math.min(i, items.length - 1)], part));
  }
  return text;
}

function parseNumber(text: string): number | string {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isNaN(value) ? text : value;
}

function unescapeText(text: string): string {
  return text.replace(/\\([nt\\])/g, (_, letter: string) => ({ n: '\n', t: '\t' })[letter] ?? letter);
}

/** Settings by their order: `0.02,0.2`. */
function parsePositional({ shape }: z.ZodObject, meta: FlagMeta, text: string): unknown {
  const keys = Object.keys(shape);
  const parts = text.split(',');
  if (parts.length !== keys.length)
    throw new UserError(`${flagName(meta)}: give ${keys.join(',')} such as ${meta.example}; not ${text}`);
  return Object.fromEntries(keys.map((key, i) => [key, parseText(shape[key], parts[i])]));
}

/** Settings by name: `length=64`. Lists grow with each pair of the same name, and so do `key=name=value` records. */
function parsePairs({ shape }: z.ZodObject, meta: FlagMeta, given: readonly string[]): unknown {
  const settings = new Map<string, unknown>();
  for (const pair of given) {
    const at = pair.indexOf('=');
    if (at <= 0)
      throw new UserError(
        `${flagName(meta)}: give settings as ${meta.example}, and the model before the flag; not ${JSON.stringify(pair)}`,
      );
    const [key, text] = [pair.slice(0, at), pair.slice(at + 1)];
    const field = Object.hasOwn(shape, key) ? shape[key] : z.string();
    settings.set(key, addSetting(field, settings.get(key), text));
  }
  return Object.fromEntries(settings);
}

function addSetting(schema: Schema, before: unknown, text: string): unknown {
  const alternatives = alternativesOf(schema);
  const record = alternatives.find((alternative) => alternative instanceof z.ZodRecord);
  const entry = record && splitPair(record, text);
  if (record !== undefined && entry !== undefined)
    return { ...(before as object | undefined), [entry.name]: parseText(record.def.valueType, entry.text) };
  if (!alternatives.some((alternative) => alternative instanceof z.ZodArray)) return parseText(schema, text);
  return [before ?? [], parseText(schema, text)].flat();
}

/** One value for all inputs, or one for each as `name=value`. */
function parseByInput(
  schema: Schema,
  record: z.ZodRecord,
  meta: FlagMeta,
  given: readonly string[],
): unknown {
  const entries = given.map((text) => splitPair(record, text));
  if (given.length === 1 && entries[0] === undefined) return parseText(schema, given[0]);
  return Object.fromEntries(
    entries.map((entry) => {
      if (entry === undefined)
        throw new UserError(
          `${flagName(meta)}: give one for all inputs, or one for each as name=${meta.example}; not ${given.join(' ')}`,
        );
      return [entry.name, parseText(record.def.valueType, entry.text)];
    }),
  );
}

/** `name=value` in two; an equals sign belongs to the name where values can't hold one. */
function splitPair(
  record: z.ZodRecord,
  text: string,
): { readonly name: string; readonly text: string } | undefined {
  const holdsText = alternativesOf(record.def.valueType).some((value) => value instanceof z.ZodString);
  const at = holdsText ? text.indexOf('=') : text.lastIndexOf('=');
  return at < 0 ? undefined : { name: text.slice(0, at), text: text.slice(at + 1) };
}
