import { escapeControl } from '../core/escape-control.ts';
import type { ParameterValues } from '../extensions/parameters.ts';
import { type ExportedKind, importPluginKind, type PluginKindOptions } from '../extensions/plugin-kind.ts';
import { callWithTimeout } from '../extensions/plugin-loader.ts';
import type { SettingsContext, SettingsGrammar } from '../extensions/settings.ts';
import { FAILURE_KINDS } from './crash-signature.ts';
import {
  instanceName,
  isSignatureOf,
  type JudgedBatch,
  type Objective,
  type ObjectiveKind,
  type Violation,
} from './objective.ts';

/** Legal signatures of a plug-in's violations. */
const SIGNATURE_PATTERN = /^[A-Za-z0-9_.-]{1,120}$/;

/** Maximum length of a kind's name: signatures begin with it. */
const MAX_NAME_LENGTH = 40;

const MAX_SUMMARY_LENGTH = 400;

/** A kind of objective as a module exports it. */
interface ExportedObjectiveKind
  extends Omit<ExportedKind<PluginImplementation>, 'make'>,
    Pick<SettingsGrammar, 'text' | 'words'> {
  readonly name: string;
  make(values: ParameterValues, context: SettingsContext): PluginImplementation;
}

const OPTIONS: PluginKindOptions<ExportedObjectiveKind> = {
  flag: '--objective',
  noun: 'objective',
  requiresName: true,
  hasSingleObjectForm: true,
  describeDefect({ name = '' }) {
    if (name.length > MAX_NAME_LENGTH) return `needs a name of at most ${MAX_NAME_LENGTH} characters`;
    return FAILURE_KINDS.some((kind) => kind === name) ? `has a name that is taken, ${name}` : undefined;
  },
};

/**
 * Loads an objective from a plug-in module: its default export, as `defineObjective` returns it.
 *
 * @throws UserError if the module can't be loaded or exports no objective
 */
export async function loadObjectivePlugin(path: string): Promise<ObjectiveKind> {
  const plugin = await importPluginKind(path, OPTIONS);
  const { name: kind, text, words } = plugin.exported;
  return {
    ...plugin.base,
    ...(text === undefined ? {} : { text }),
    ...(words === undefined ? {} : { words }),
    make(values, context) {
      const implementation = plugin.make(values, context);
      plugin.requireMethod(implementation, 'judge');
      return new PluginObjective(kind, instanceName(kind, context.name), path, implementation);
    },
  };
}

/** An objective as a plug-in makes it, with the names of older plug-ins. */
interface PluginImplementation extends Objective {
  /** @deprecated `seedExemption` in older plug-ins */
  readonly excuses?: string;
  /** @deprecated `isTwoSided` in older plug-ins */
  readonly sided?: boolean;
}

/** A batch with its members' names in older plug-ins. */
interface PluginBatch extends JudgedBatch {
  /** @deprecated `secondOutputs` in older plug-ins */
  readonly copy?: NonNullable<JudgedBatch['secondOutputs']>;
  /** @deprecated `transformed` in older plug-ins */
  readonly changed?: NonNullable<JudgedBatch['transformed']>;
}

/** The batch that plug-ins get for each batch: `margins` is called for each row of one. */
const PLUGIN_BATCHES = new WeakMap<JudgedBatch, PluginBatch>();

function withOldNames(batch: JudgedBatch): PluginBatch {
  const known = PLUGIN_BATCHES.get(batch);
  if (known !== undefined) return known;
  const { secondOutputs, transformed } = batch;
  const renamed: PluginBatch = {
    ...batch,
    ...(secondOutputs === undefined ? {} : { copy: secondOutputs }),
    ...(transformed === undefined ? {} : { changed: withOldNames(transformed) }),
  };
  PLUGIN_BATCHES.set(batch, renamed);
  return renamed;
}

/** An objective of a plug-in, with a time limit on its calls and a check of the violations that it reports. */
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
  readonly #implementation: PluginImplementation;

  constructor(kind: string, name: string, path: string, implementation: PluginImplementation) {
    const { tensors = [], change, labelled, timed, isTwoSided, sided } = implementation;
    this.#kind = kind;
    this.#implementation = implementation;
    this.plugin = path;
    this.name = name;
    this.tensors = tensors;
    this.change = change;
    this.labelled = labelled === true;
    this.timed = timed === true;
    this.seedExemption = implementation.seedExemption ?? implementation.excuses;
    this.isTwoSided = (isTwoSided ?? sided) === true;
    if (implementation.margins !== undefined)
      this.margins = (run, row, out) => implementation.margins?.(withOldNames(run), row, out) ?? 0;
    if (implementation.refuses !== undefined)
      this.refuses = (run) => callWithTimeout(path, () => implementation.refuses?.(withOldNames(run)));
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    const reported: [number, Violation][] = [];
    callWithTimeout(this.plugin, () => {
      this.#implementation.judge(withOldNames(run), (row, violation) =>
        reported.push([row, this.#checkViolation(run, row, violation)]),
      );
    });
    for (const [row, violation] of reported) report(row, violation);
  }

  #checkViolation(run: JudgedBatch, row: number, reported: Partial<Violation> | undefined): Violation {
    if (!Number.isInteger(row) || row < 0 || row >= run.rows)
      throw new Error(`it reports row ${row} of a run of ${run.rows}`);
    const { signature = this.#kind, summary = signature, tensors = [], details = {} } = reported ?? {};
    if (
      typeof signature !== 'string' ||
      !isSignatureOf(signature, this.#kind) ||
      !SIGNATURE_PATTERN.test(signature)
    )
      throw new Error(
        `its signature '${signature}' must be ${this.#kind}, or begin with ${this.#kind}- and hold letters, digits, '.', '_' and '-' alone`,
      );
    return {
      objective: this.#kind,
      // The spec may have given the objective a name.
      signature: `${this.name}${signature.slice(this.#kind.length)}`,
      summary: escapeControl(String(summary).replace(/\s+/g, ' ').slice(0, MAX_SUMMARY_LENGTH)),
      tensors,
      details,
    };
  }
}
