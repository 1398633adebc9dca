import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MAX_YAML_BYTES, parseYaml } from '../config/parse-yaml.ts';
import type { ThreatModel } from '../config/threat-model.ts';
import { errorMessage, UserError } from '../core/errors.ts';
import { readText } from '../core/read-bounded.ts';
import { readFixedMask } from '../inputs/fixed-mask.ts';
import type { Finding, ThreatRecord } from '../storage/finding.ts';
import { decodeNpz } from '../tensor/npz.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { judgeClauses } from './threat-model/clauses.ts';
import type {
  CheckedInput,
  CheckedSettings,
  CheckedTestcase,
  ThreatEvidence,
  ThreatVerdict,
} from './threat-model/evidence.ts';

/** An id of a testcase. */
const ID = /^[0-9a-f]{16}$/;

/** A step of the family tree: where a testcase came from. */
interface Step {
  readonly parent: string | null;
  readonly mutators: readonly string[];
}

/** What a finding's arrays do not say of it. */
export interface RecordedFacts extends Pick<ThreatEvidence, 'plausible'> {
  /** Mutators between its seed and it. */
  readonly trail: readonly string[];
  /** Queries spent on its seed until it was found, or inputs submitted for it. */
  readonly queries: number;
  /** How far the attacker had got when it was found; undefined where that is not counted. */
  readonly success?: ThreatRecord['success'];
}

/**
 * Checks findings against the threat model of their campaign. It reads campaign.yaml, the arrays of finding and seed, and the
 * journal; it shares no code with mutators, constraints or engine.
 */
export class ThreatChecker {
  readonly #folder: string;
  readonly #settings: CheckedSettings;
  readonly #masks: ReadonlyMap<string, Uint8Array> | undefined;
  #steps: ReadonlyMap<string, Step> | undefined;
  /** Digest of the threat model; undefined where a mask of it is not there. */
  readonly block: string | undefined;

  private constructor(
    folder: string,
    settings: CheckedSettings,
    masks: ReadonlyMap<string, Uint8Array> | undefined,
  ) {
    this.#folder = folder;
    this.#settings = settings;
    this.#masks = masks;
    this.block = masks && blockDigest(settings.threatModel, masks);
  }

  /** The checker of a campaign's folder; undefined where it has no threat model. */
  static async open(folder: string): Promise<ThreatChecker | undefined> {
    const file = join(folder, 'campaign.yaml');
    return ThreatChecker.of(folder, parseYaml(readText(file, 'read', MAX_YAML_BYTES), file));
  }

  /**
   * The checker of a campaign whose folder need not be written yet.
   *
   * @param manifest content of its campaign.yaml
   */
  static async of(folder: string, manifest: unknown): Promise<ThreatChecker | undefined> {
    const raw = manifest as
      | (Omit<CheckedSettings, 'inputs'> & {
          readonly fixed?: unknown;
          readonly resolved?: { readonly inputs?: readonly (CheckedInput & { shape: (number | null)[] })[] };
        })
      | null;
    if (raw?.threatModel === undefined || raw.resolved?.inputs === undefined) return undefined;
    const { inputs } = raw.resolved;
    const masks = await readMasks(folder, raw.fixed, inputs);
    return new ThreatChecker(folder, { ...raw, inputs }, masks);
  }

  /**
   * The record of a finding for finding.json.
   *
   * @param facts its trail as far as it is known
   */
  record(
    finding: ThreatEvidence['finding'],
    testcase: CheckedTestcase,
    seed: CheckedTestcase,
    { trail, queries, plausible, success }: RecordedFacts,
  ): ThreatRecord {
    const { clauses, broken } = judgeClauses({
      settings: this.#settings,
      finding,
      testcase,
      seed,
      trail,
      queries,
      plausible,
      masks: this.#masks,
    });
    const { starts, knows, queries: limits = {} } = this.#settings.threatModel;
    const countsQueries = Object.keys(limits).length > 0 || knows?.model === 'nothing';
    return {
      obeys: broken.length === 0,
      clauses,
      starts,
      block: this.block ?? '',
      ...(countsQueries ? { queries } : {}),
      ...(plausible === undefined ? {} : { plausible }),
      ...(success === undefined ? {} : { success }),
      ...(broken.length === 0 ? {} : { broken }),
    };
  }

  /**
   * Checks a finding on disk. One whose files can't be read, or do not hold a finding, breaks the clause `record`.
   *
   * @param folder the finding's folder
   */
  check(folder: string): ThreatVerdict {
    try {
      return this.#check(folder);
    } catch (error) {
      const breach = `its files do not hold a finding: ${errorMessage(error)}`;
      return { clauses: ['record'], unchecked: [], broken: [{ clause: 'record', breach }] };
    }
  }

  #check(folder: string): ThreatVerdict {
    const finding = JSON.parse(readFileSync(join(folder, 'finding.json'), 'utf8')) as Finding;
    // Ids become parts of paths.
    const { parent } = finding;
    for (const id of [finding.id, finding.ancestor, ...(parent === null ? [] : [parent])])
      if (typeof id !== 'string' || !ID.test(id)) throw new UserError(`${JSON.stringify(id)} is not an id`);
    const testcase = readArrays(join(folder, 'input.npz'));
    if (testcase === undefined) throw new UserError(`${folder} has lost its input.npz`);
    const isSeed = finding.id === finding.ancestor;
    const seed = isSeed ? testcase : this.#seedOf(finding, folder);
    const verdict = judgeClauses({
      settings: this.#settings,
      finding,
      testcase,
      seed,
      trail: isSeed ? [] : this.#trailOf(finding, folder),
      queries: finding.threat?.queries,
      plausible: finding.threat?.plausible,
      masks: this.#masks,
    });
    const broken = [...verdict.broken];
    // Last: a changed value that breaks a limit is told by that limit.
    const id = digestOf(testcase);
    if (id !== finding.id) broken.push({ clause: 'id', breach: `the input is ${id}, not ${finding.id}` });
    const block = finding.threat?.block;
    if (block === undefined || (this.block !== undefined && block !== this.block))
      broken.push({
        clause: 'block',
        breach:
          block === undefined
            ? 'it was written without a threat model'
            : 'it was written under another threat model',
      });
    return { ...verdict, clauses: [...verdict.clauses, 'id', 'block'], broken };
  }

  /** The seed of a finding, from the corpus or, if it violates the objective itself, from its own finding. */
  #seedOf({ ancestor }: Finding, folder: string): CheckedTestcase | undefined {
    const places = [
      join(this.#folder, 'corpus', `${ancestor}.npz`),
      join(dirname(folder), ancestor, 'input.npz'),
    ];
    for (const place of places) {
      const seed = readArrays(place);
      if (seed !== undefined && digestOf(seed) === ancestor) return seed;
    }
    return undefined;
  }

  /** Mutators from the seed to a finding; undefined where a step is missing, or does not lead to the seed. */
  #trailOf({ parent, ancestor, mutators }: Finding, folder: string): readonly string[] | undefined {
    this.#steps ??= readSteps(join(this.#folder, 'corpus', 'journal.jsonl'));
    const trail = [...mutators];
    const seen = new Set<string>();
    for (let id = parent; id !== null; ) {
      if (id === ancestor) return trail;
      const step: Step | undefined = this.#steps.get(id) ?? findingStep(dirname(folder), id);
      if (step === undefined || seen.has(id)) return undefined;
      seen.add(id);
      trail.unshift(...step.mutators);
      id = step.parent;
    }
    return undefined;
  }
}

/** Arrays of a testcase in memory, by the input's name. */
export function arraysOf({
  form,
  inputs,
}: {
  readonly form: { readonly inputs: readonly Omit<Tensor & { readonly name: string }, 'data'>[] };
  readonly inputs: readonly Tensor['data'][];
}): CheckedTestcase {
  return new Map(
    form.inputs.map(({ name, type, shape }, i) => [name, { type, shape, data: inputs[i] }] as const),
  );
}

function readArrays(path: string): CheckedTestcase | undefined {
  return existsSync(path) ? decodeNpz(readFileSync(path), path) : undefined;
}

/** Id of a testcase: the first 16 hex digits of the SHA-256 of its inputs in order of their names. */
function digestOf(testcase: CheckedTestcase): string {
  const hash = createHash('sha256');
  for (const [name, { type, shape, data }] of [...testcase].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, type, shape])}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex').slice(0, 16);
}

/** A threat model by its content: of masks their values count, not where the files are. */
function blockDigest(threatModel: ThreatModel, masks: ReadonlyMap<string, Uint8Array>): string {
  const { limits, ...others } = threatModel;
  const { fixed, ...numbers } = limits;
  const hash = createHash('sha256').update(JSON.stringify([others, numbers]));
  if (fixed !== undefined) for (const [name, mask] of masks) hash.update(name).update(mask);
  return hash.digest('hex').slice(0, 16);
}

/** The masks that campaign.yaml names, by input; undefined where one can't be read. */
async function readMasks(
  folder: string,
  fixed: unknown,
  inputs: readonly (CheckedInput & { readonly shape: readonly (number | null)[] })[],
): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const masks = new Map<string, Uint8Array>();
  const isByName = typeof fixed === 'object' && fixed !== null && !Array.isArray(fixed);
  const entries: string[] = isByName
    ? Object.entries(fixed).map(([name, path]) => `${name}=${path}`)
    : fixed === undefined
      ? []
      : [fixed].flat().map(String);
  for (const entry of entries) {
    const input = inputs.find(({ name }) => entry.startsWith(`${name}=`)) ?? inputs[0];
    const path = entry.startsWith(`${input.name}=`) ? entry.slice(input.name.length + 1) : entry;
    try {
      masks.set(input.name, await readFixedMask(resolve(folder, path), input.name, input.shape));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return undefined;
    }
  }
  return masks;
}

/** The family tree of a journal, by id; empty without one. Damaged lines are left out. */
function readSteps(path: string): ReadonlyMap<string, Step> {
  const steps = new Map<string, Step>();
  if (!existsSync(path)) return steps;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    try {
      const { id, parent, mutators } = JSON.parse(line) as Step & { readonly id: string };
      steps.set(id, { parent, mutators });
    } catch {
      // The last line may be torn.
    }
  }
  return steps;
}

/** The step of a finding that another one was made from by minimizing; undefined where it is not there. */
function findingStep(folder: string, id: string): Step | undefined {
  if (!ID.test(id)) return undefined;
  try {
    return JSON.parse(readFileSync(join(folder, id, 'finding.json'), 'utf8')) as Step;
  } catch {
    return undefined;
  }
}
