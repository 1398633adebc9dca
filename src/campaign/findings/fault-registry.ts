import type { HitCount } from '../../fuzzer/scheduling/task.ts';
import { dependsOnMachine } from '../../objectives/crash-signature.ts';
import { isNoFault, isSignatureOf, SIGNATURE_VERSION, type Violation } from '../../objectives/objective.ts';
import {
  type Confirmation,
  type Finding,
  FORMAT_VERSION,
  type SignatureRecord,
} from '../../storage/finding.ts';
import {
  afterConfirmation,
  type ConfirmationCounts,
  isResting,
  isSaturated,
  NO_CONFIRMATIONS,
} from './confirmation-schedule.ts';

/** One fault: all hits of a signature, with the number of findings on disk. */
export interface Fault extends SignatureRecord, ConfirmationCounts {
  /** Seconds from the start of the campaign to the first hit, over all sessions. */
  readonly firstSeconds: number;
  /** Tasks with a hit of it; 0 for a fault that seeds alone have. */
  readonly tasks: number;
  /** Folder of the first finding that shows alone; until there is one of the first that needs its batch, or is flaky. */
  readonly path: string;
  /** Why the finding at `path` is flaky, a clause for people; undefined where it is not, or the reason is not known. */
  readonly why?: string | undefined;
}

/** Whether a finding of it was confirmed, and it is no tie: then a campaign ends with exit code 1. */
export function isConfirmedFault({ kept, signature }: Pick<Fault, 'kept' | 'signature'>): boolean {
  return kept > 0 && !isNoFault(signature);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A finding that is on disk. */
export interface StoredFinding {
  readonly finding: Finding;
  /** Its folder, relative to the campaign's. */
  readonly path: string;
}

/** A hit that was run again. */
export interface ConfirmationOutcome extends Pick<Violation, 'signature' | 'objective'> {
  readonly status: Confirmation['status'];
  /** Undefined where enough findings like it are on disk. */
  readonly stored: StoredFinding | undefined;
}

/** Counts that checkpoints of older versions lack. */
type LaterCounts = 'batchDependent' | 'misses' | 'nextTry' | 'tasks';

type SavedFault = Omit<Fault, LaterCounts> & Partial<Pick<Fault, LaterCounts>>;

/** All faults as plain data, with the keys of checkpoints on disk. */
export interface SavedFaults {
  readonly faults: readonly SavedFault[];
  /** `signature/id` of every finding on disk. */
  readonly keys: readonly string[];
}

export interface FaultRegistryOptions {
  /** Findings kept on disk for one signature, and at most as many flaky ones beside them. */
  readonly maxPerSignature: number;
  /** Names of the objectives that judge by the time of a run. */
  readonly timedObjectives: readonly string[];
}

/** Deduplicates hits by signature: counts them and knows which findings are on disk. Pure bookkeeping. */
export class FaultRegistry {
  readonly #options: FaultRegistryOptions;
  readonly #faults = new Map<string, Mutable<Fault>>();
  readonly #storedKeys = new Set<string>();

  constructor(options: FaultRegistryOptions) {
    this.#options = options;
  }

  /** All faults in the order of their first finding. */
  get faults(): readonly Fault[] {
    return [...this.#faults.values()];
  }

  /** Faults with a finding that was confirmed; ties are none. */
  get confirmed(): readonly Fault[] {
    return this.faults.filter(isConfirmedFault);
  }

  /** Hits of all faults. */
  get hitCount(): number {
    return this.faults.reduce((sum, { hits }) => sum + hits, 0);
  }

  /** Findings kept on disk for one signature. */
  get maxPerSignature(): number {
    return this.#options.maxPerSignature;
  }

  /** Signatures with enough findings on disk. */
  get saturatedSignatures(): string[] {
    return this.#signaturesWhere((fault) => isSaturated(fault, this.maxPerSignature));
  }

  /** Signatures whose hits are only counted for now: of those with enough findings, and of those whose next try is not due. */
  get countedSignatures(): string[] {
    const keep = this.maxPerSignature;
    return this.#signaturesWhere((fault) => isSaturated(fault, keep) || isResting(fault, keep));
  }

  #signaturesWhere(test: (fault: Fault) => boolean): string[] {
    return this.faults.filter(test).map(({ signature }) => signature);
  }

  /** Hits of a signature, and what came of running some of them again. */
  countsOf(signature: string): ConfirmationCounts {
    return this.#faults.get(signature) ?? NO_CONFIRMATIONS;
  }

  /** The counts of a signature once an outcome is registered. */
  countsAfter(
    counts: ConfirmationCounts,
    { objective, status, stored }: ConfirmationOutcome,
  ): ConfirmationCounts {
    return afterConfirmation(counts, status, stored !== undefined, dependsOnMachine(objective));
  }

  /** Whether the finding of a testcase is registered. */
  has(signature: string, id: string): boolean {
    return this.#storedKeys.has(keyOf(signature, id));
  }

  /**
   * Adds a task's hit counts. Register its findings first: hits of an unknown signature are not counted.
   *
   * @param isOfTask false for those of seeds and imports
   */
  countHits(counts: readonly HitCount[], isOfTask = true): void {
    for (const { signature, hits } of counts) {
      const fault = this.#faults.get(signature);
      if (fault === undefined) continue;
      fault.hits += hits;
      if (isOfTask && hits > 0) fault.tasks++;
    }
  }

  /**
   * Registers hits that were run again, with their findings on disk.
   *
   * @param seconds since the campaign began, over all sessions
   * @returns the faults that are new, and those that had flaky findings alone before
   */
  register(outcomes: readonly ConfirmationOutcome[], seconds: number): Fault[] {
    const newFaults = new Set<Fault>();
    for (const outcome of outcomes) {
      const before = this.#faults.get(outcome.signature);
      const fault = before ?? this.#addFault(outcome, seconds);
      if (fault === undefined) continue;
      const { status, stored } = outcome;
      if (stored !== undefined) {
        this.#storedKeys.add(keyOf(fault.signature, stored.finding.id));
        if (before === undefined || (status !== 'flaky' && before.kept === 0)) newFaults.add(fault);
        if (isBetter(status, fault)) Object.assign(fault, representedBy(stored));
      }
      Object.assign(fault, this.countsAfter(fault, outcome));
    }
    return [...newFaults];
  }

  #addFault({ stored }: ConfirmationOutcome, seconds: number): Mutable<Fault> | undefined {
    if (stored === undefined) return undefined;
    const fault = faultOf(stored, seconds);
    this.#faults.set(fault.signature, fault);
    return fault;
  }

  /**
   * Whether a violation depends on the clock or the machine: its findings lie in `findings/unrepeatable/`, and the search
   * does not learn from it.
   */
  dependsOnMachine({ signature, objective }: Pick<Violation, 'signature' | 'objective'>): boolean {
    return dependsOnMachine(objective) || this.isTimed(signature);
  }

  /** Whether a signature is one of an objective that judges by the time of a run. */
  isTimed(signature: string): boolean {
    return this.#options.timedObjectives.some((name) => isSignatureOf(signature, name));
  }

  save(): SavedFaults {
    return { faults: this.faults.map((fault) => ({ ...fault })), keys: [...this.#storedKeys] };
  }

  restore({ faults, keys }: SavedFaults): void {
    for (const fault of faults) {
      const { batchDependent = 0, misses = fault.flaky, nextTry = fault.hits } = fault;
      const { tasks = Math.min(2, fault.hits) } = fault;
      this.#faults.set(fault.signature, { ...fault, batchDependent, misses, nextTry, tasks });
    }
    for (const key of keys) this.#storedKeys.add(key);
  }
}

function keyOf(signature: string, id: string): string {
  return `${signature}/${id}`;
}

/** Whether a finding of this status represents a fault rather than the one that does. */
function isBetter(status: Confirmation['status'], { kept, batchDependent }: ConfirmationCounts): boolean {
  if (status === 'confirmed') return kept === batchDependent;
  return status === 'batch-dependent' && kept === 0;
}

/** What a fault has from the finding that represents it. */
function representedBy({ finding, path }: StoredFinding): Pick<Fault, 'summary' | 'path' | 'why'> {
  return { summary: finding.summary, path, why: finding.why };
}

function faultOf(stored: StoredFinding, seconds: number): Mutable<Fault> {
  const { signature, objective, task, execs } = stored.finding;
  return {
    formatVersion: FORMAT_VERSION,
    signatureVersion: SIGNATURE_VERSION,
    signature,
    objective,
    firstTask: task,
    firstExecs: execs,
    ...NO_CONFIRMATIONS,
    firstSeconds: seconds,
    tasks: 0,
    ...representedBy(stored),
  };
}
