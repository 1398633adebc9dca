import { UserError } from '../core/errors.ts';
import { escapeControl } from '../core/escape-control.ts';
import { callWithTimeout, importPlugin } from '../extensions/plugin-loader.ts';
import { FAILURE_KINDS } from './crash-signature.ts';
import {
  instanceName,
  isSignatureOf,
  type JudgedBatch,
  type Objective,
  type ObjectiveKind,
  type Violation,
} from './objective.ts';

/** What a signature is made of. */
const SIGNATURE_PATTERN = /^[A-Za-z0-9_.-]{1,120}$/;

/**
 * Loads an objective from a module of the user's: its default export, as `defineObjective` makes it.
 *
 * @throws UserError where the module can't be loaded or exports no objective
 */
export async function loadObjectivePlugin(path: string): Promise<ObjectiveKind> {
  const exported = await importPlugin('--objective', path);
  const wrong = describeDefect(exported);
  if (wrong !== undefined)
    throw new UserError(`--objective: the plug-in ${path} ${wrong}; see docs/plug-ins.md`);
  const kind = exported as ObjectiveKind;
  return {
    ...kind,
    make(settings) {
      let made: PluginImplementation;
      try {
        made = callWithTimeout(path, () => kind.make(settings));
      } catch (error) {
        if (error instanceof Error) throw new UserError(`--objective: ${error.message}`);
        throw error;
      }
      if (typeof made?.judge !== 'function')
        throw new UserError(`--objective: the plug-in ${path} makes nothing with a function judge`);
      return new PluginObjective(kind.name, instanceName(kind.name, settings.name), path, made);
    },
  };
}

function describeDefect(exported: unknown): string | undefined {
  if (typeof exported !== 'object' || exported === null) return 'has no objective as its default export';
  const kind = exported as Partial<Record<keyof ObjectiveKind, unknown>>;
  if (typeof kind.name !== 'string' || !/^[a-z][a-z0-9-]{0,39}$/.test(kind.name))
    return 'needs a name of small letters, digits and hyphens';
  if (FAILURE_KINDS.some((failure) => failure === kind.name)) return `has a name that is taken, ${kind.name}`;
  if (typeof kind.make !== 'function') return 'needs a function make';
  const { parameters } = kind;
  const areParameters =
    Array.isArray(parameters) &&
    parameters.every((one) => typeof one?.name === 'string' && Array.isArray(one.between));
  return areParameters ? undefined : 'needs parameters, each with name and between';
}

/** An objective as a plug-in makes it; the optional members are names that older plug-ins use. */
type PluginImplementation = Objective & { readonly excuses?: string; readonly sided?: boolean };

/** A batch under the names of older plug-ins too: `copy` for `secondOutputs`, `changed` for `transformed`. */
type PluginBatch = JudgedBatch & {
  readonly copy?: JudgedBatch['secondOutputs'];
  readonly changed?: JudgedBatch['transformed'];
};

/** The batches that plug-ins were given, so that `margins`, called for each row, makes none anew. */
const PLUGIN_BATCHES = new WeakMap<JudgedBatch, PluginBatch>();

function withOldNames(batch: JudgedBatch): PluginBatch {
  const known = PLUGIN_BATCHES.get(batch);
  if (known !== undefined) return known;
  const { secondOutputs, transformed } = batch;
  const named: PluginBatch = {
    ...batch,
    ...(secondOutputs === undefined ? {} : { copy: secondOutputs }),
    ...(transformed === undefined ? {} : { changed: withOldNames(transformed) }),
  };
  PLUGIN_BATCHES.set(batch, named);
  return named;
}

/** An objective of the user's: its calls are broken off where they don't end, and what it reports is checked. */
class PluginObjective implements Objective {
  readonly name: string;
  readonly tensors: readonly string[];
  readonly change: readonly string[] | undefined;
  readonly labelled: boolean;
  readonly timed: boolean;
  readonly seedExemption: string | undefined;
  readonly isTwoSided: boolean;
  readonly margins?: NonNullable<Objective['margins']>;
  readonly refuses?: NonNullable<Objective['refuses']>;
  readonly plugin: string;
  readonly #kind: string;
  readonly #wrapped: PluginImplementation;

  constructor(kind: string, name: string, path: string, own: PluginImplementation) {
    this.#kind = kind;
    this.#wrapped = own;
    this.plugin = path;
    this.name = name;
    this.tensors = own.tensors ?? [];
    this.change = own.change;
    this.labelled = own.labelled === true;
    this.timed = own.timed === true;
    this.seedExemption = own.seedExemption ?? own.excuses;
    this.isTwoSided = (own.isTwoSided ?? own.sided) === true;
    if (own.margins !== undefined)
      this.margins = (run, row, out) => own.margins?.(withOldNames(run), row, out) ?? 0;
    if (own.refuses !== undefined)
      this.refuses = (run) => callWithTimeout(path, () => own.refuses?.(withOldNames(run)));
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    const reported: [number, Violation][] = [];
    callWithTimeout(this.plugin, () => {
      this.#wrapped.judge(withOldNames(run), (row, violation) =>
        reported.push([row, this.#checkViolation(run, row, violation)]),
      );
    });
    for (const [row, violation] of reported) report(row, violation);
  }

  #checkViolation(run: JudgedBatch, row: number, given: Partial<Violation>): Violation {
    if (!Number.isInteger(row) || row < 0 || row >= run.rows)
      throw new Error(`it reports row ${row} of a run of ${run.rows}`);
    const { signature = this.#kind, summary = signature, tensors = [], details = {} } = given ?? {};
    if (
      typeof signature !== 'string' ||
      !isSignatureOf(signature, this.#kind) ||
      !SIGNATURE_PATTERN.test(signature)
    )
      throw new Error(
        `its signature '${signature}' must be ${this.#kind}, or begin with ${this.#kind}- and hold letters, digits, '.', '_' and '-' alone`,
      );
    const line = escapeControl(String(summary).replace(/\s+/g, ' ').slice(0, 400));
    // The user may have given the objective a name.
    const named = `${this.name}${signature.slice(this.#kind.length)}`;
    return { objective: this.#kind, signature: named, summary: line, tensors, details };
  }
}
