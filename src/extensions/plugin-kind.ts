import { errorMessage, UserError } from '../core/errors.ts';
import { type Parameter, type ParameterValues, parameterValues } from './parameters.ts';
import { callWithTimeout, importPlugin } from './plugin-loader.ts';

/** A parameter as a plug-in declares it. */
export interface ParameterDefinition extends Partial<Omit<Parameter, 'name'>> {
  readonly name: string;
  /** @deprecated `min` and `max` in older plug-ins */
  readonly between?: readonly [min: number, max: number];
  /** @deprecated `integer` in older plug-ins */
  readonly whole?: boolean;
}

/** A kind as a module exports it. */
export interface ExportedKind<Made> {
  readonly name?: string;
  readonly help?: string;
  readonly source?: string;
  readonly parameters?: readonly ParameterDefinition[];
  make(values: ParameterValues, context: never): Made;
}

export interface PluginKindOptions<E> {
  /** The flag that names the module, for messages. */
  readonly flag: string;
  /** Noun for a kind in messages. */
  readonly noun: string;
  /** Whether the kind's name is used beyond messages: it must be there then, and be one that folders may have. */
  readonly requiresName?: boolean;
  readonly requiresDefaults?: boolean;
  /**
   * Whether older plug-ins take one object, `make({ values: { bound = 1 }, words, text, name })`: the values then have
   * the members of the context, and the values by name.
   */
  readonly hasSingleObjectForm?: boolean;
  /** What else is wrong with the export, a clause for people. */
  describeDefect?(exported: Partial<E>): string | undefined;
}

/** A plug-in's kind, with the calls into it by which errors name the module. */
export interface PluginKind<E extends ExportedKind<unknown>, Made> {
  readonly exported: E;
  /** The members that all kinds have. */
  readonly base: {
    readonly name: string;
    readonly help: string;
    readonly source: string;
    readonly parameters: readonly Parameter[];
    readonly plugin: string;
  };
  /** Calls the plug-in's `make` within the time limit, with the spec's values and the context of this extension type. */
  make(values: ParameterValues, context?: object): Made;
  /** Calls into the plug-in within the time limit. @throws UserError that names the plug-in */
  guard<T>(call: () => T): T;
  /** An error of the plug-in as one that names it, for calls too frequent to be timed. */
  asUserError(error: unknown): UserError;
  /** @throws UserError if an object of the plug-in lacks a method */
  requireMethod(object: object | null | undefined, method: string): void;
}

/** Legal names of kinds whose names are used beyond messages. */
const KIND_NAME = /^[a-z][a-z0-9-]*$/;

/**
 * Imports a plug-in module and checks that its default export is a kind.
 *
 * @throws UserError if it can't be loaded or exports no such kind
 */
export async function importPluginKind<E extends ExportedKind<unknown>>(
  path: string,
  options: PluginKindOptions<E>,
): Promise<PluginKind<E, ReturnType<E['make']>>> {
  const { flag, hasSingleObjectForm = false } = options;
  const exported = await importPlugin(flag, path);
  const defect = describeDefect(exported, options);
  if (defect !== undefined)
    throw new UserError(`${flag}: the plug-in ${path} ${defect}; see docs/plug-ins.md`);
  const kind = exported as E;
  const { name = path, help = '', source = 'plug-in', parameters = [] } = kind;
  const failed = (text: string): UserError =>
    new UserError(`${flag}: ${text}; fix it or remove it from ${flag}`);
  const guard = <T>(call: () => T): T => {
    try {
      return callWithTimeout(path, call);
    } catch (error) {
      throw failed(errorMessage(error));
    }
  };
  const known = parameters.map(normalizeParameter);
  return {
    exported: kind,
    base: { name, help, source, parameters: known, plugin: path },
    guard,
    asUserError: (error) => failed(`the plug-in ${path} fails: ${errorMessage(error)}`),
    requireMethod(object, method) {
      if (typeof (object as Readonly<Record<string, unknown>> | null | undefined)?.[method] !== 'function')
        throw new UserError(`${flag}: the plug-in ${path} returns no object with a function ${method}`);
    },
    make(values, context) {
      const settings = hasSingleObjectForm ? withSingleObjectForm(values, known, context) : values;
      return guard(() => kind.make(settings, context as never) as ReturnType<E['make']>);
    },
  };
}

function describeDefect<E>(exported: unknown, options: PluginKindOptions<E>): string | undefined {
  const { noun, requiresName = false, requiresDefaults = false } = options;
  const missing = `has no ${noun} as its default export`;
  if (typeof exported !== 'object' || exported === null) return missing;
  const { name, make, parameters = [] } = exported as Partial<Record<keyof ExportedKind<unknown>, unknown>>;
  if (typeof make !== 'function' && (name === undefined || !requiresName)) return missing;
  if (requiresName && !(typeof name === 'string' && KIND_NAME.test(name)))
    return 'needs a name of lower-case letters, digits and hyphens';
  if (typeof make !== 'function') return 'needs a function make';
  const defect = options.describeDefect?.(exported as Partial<E>);
  if (defect !== undefined) return defect;
  const areParameters =
    Array.isArray(parameters) && parameters.every((parameter) => isParameter(parameter, requiresDefaults));
  if (areParameters) return undefined;
  return `needs parameters, each with name, ${requiresDefaults ? 'default, ' : ''}min and max`;
}

function isParameter(parameter: unknown, requiresDefault: boolean): boolean {
  if (typeof parameter !== 'object' || parameter === null) return false;
  const {
    name,
    default: usual,
    min,
    max,
    between,
  } = parameter as Partial<Record<keyof ParameterDefinition, unknown>>;
  const hasBounds = (typeof min === 'number' && typeof max === 'number') || Array.isArray(between);
  return typeof name === 'string' && hasBounds && (!requiresDefault || typeof usual === 'number');
}

/** A parameter in the form that built-in kinds declare theirs in. */
function normalizeParameter({ between, whole, ...parameter }: ParameterDefinition): Parameter {
  const [low, high] = between ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const { name, help = '', min = low, max = high, integer = whole } = parameter;
  const { default: usual } = parameter;
  return {
    name,
    help,
    min,
    max,
    ...(usual === undefined ? {} : { default: usual }),
    ...(integer === true ? { integer } : {}),
  };
}

/** Values that older plug-ins can take apart as one object. Values that no spec sets are absent in it. */
function withSingleObjectForm(
  values: ParameterValues,
  parameters: readonly Parameter[],
  context: object | undefined,
): ParameterValues {
  const set = parameters.flatMap(({ name }) => {
    const value = values({ name });
    return value === undefined ? [] : [[name, value] as const];
  });
  const members = Object.entries({ ...context, values: Object.fromEntries(set) });
  return Object.defineProperties(
    parameterValues(new Map(set)),
    // A function's own `name` can't be assigned, and can be defined anew.
    Object.fromEntries(members.map(([key, value]) => [key, { value, enumerable: true, configurable: true }])),
  );
}
