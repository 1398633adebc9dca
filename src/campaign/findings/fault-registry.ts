import type { HitCount } from '../../fuzzer/scheduling/task.ts';
import { dependsOnMachine } from '../../objectives/crash-signature.ts';
import { isSignatureOf, SIGNATURE_VERSION, type Violation } from '../../objectives/objective.ts';
import { type Finding, FORMAT_VERSION, type SignatureRecord } from '../../storage/finding.ts';

/** One fault: all hits of a signature, with the number of findings on disk. */
export interface Fault extends SignatureRecord {
  /** Findings on disk that were reproduced every time. */
  readonly kept: number;
  /** Findings on disk that were not. */
  readonly flaky: number;
  /** Seconds from the start of the campaign to the first hit, over all sessions. */
  readonly firstSeconds: number;
  /** Folder of the first finding, relative to the campaign's. */
  readonly path: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A finding that is on disk. */
export interface StoredFinding {
  readonly finding: Finding;
  /** Its folder, relative to the campaign's. */
  readonly path: string;
}

/** All faults as plain data, with the keys of checkpoints on disk. */
export interface SavedFaults {
  readonly faults: readonly Fault[];
  /** `signature/id` of every finding on disk. */
  readonly keys: readonly string[];
}

export interface FaultRegistryOptions {
  /** Findings kept on disk for one signature; the same number of flaky ones also counts as enough. */
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

  /** Faults with a finding that was confirmed. */
  get confirmed(): readonly Fault[] {
    return this.faults.filter(({ kept }) => kept > 0);
  }

  /** Hits of all faults. */
  get hitCount(): number {
    return this.faults.reduce((sum, { hits }) => sum + hits, 0);
  }

  /** Signatures with enough findings on disk. */
  get saturatedSignatures(): string[] {
    return this.faults
      .filter(({ kept, flaky }) => this.#isEnough(kept, flaky))
      .map(({ signature }) => signature);
  }

  /** Whether a signature would have enough findings on disk if these were registered too. */
  isSaturatedWith(signature: string, stored: readonly StoredFinding[]): boolean {
    const fault = this.#faults.get(signature);
    const flaky = stored.filter(({ finding }) => finding.status === 'flaky').length;
    return this.#isEnough((fault?.kept ?? 0) + stored.length - flaky, (fault?.flaky ?? 0) + flaky);
  }

  /** Whether the finding of a testcase is registered. */
  has(signature: string, id: string): boolean {
    return this.#storedKeys.has(keyOf(signature, id));
  }

  /** Adds a task's hit counts. Register its findings first: hits of an unknown signature are not counted. */
  countHits(counts: readonly HitCount[]): void {
    for (const { signature, hits } of counts) {
      const fault = this.#faults.get(signature);
      if (fault !== undefined) fault.hits += hits;
    }
  }

  /**
   * Registers findings that are on disk.
   *
   * @param seconds since the campaign began, over all sessions
   * @returns the faults that are new
   */
  register(stored: readonly StoredFinding[], seconds: number): Fault[] {
    const newFaults: Fault[] = [];
    for (const { finding, path } of stored) {
      this.#storedKeys.add(keyOf(finding.signature, finding.id));
      let fault = this.#faults.get(finding.signature);
      if (fault === undefined) {
        fault = faultOf(finding, path, seconds);
        this.#faults.set(finding.signature, fault);
        newFaults.push(fault);
      }
      if (finding.status === 'flaky') fault.flaky++;
      else if (fault.kept++ === 0) fault.path = path;
    }
    return newFaults;
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
    for (const fault of faults) this.#faults.set(fault.signature, { ...fault });
    for (const key of keys) this.#storedKeys.add(key);
  }

  #isEnough(kept: number, flaky: number): boolean {
    const { maxPerSignature } = this.#options;
    return kept >= maxPerSignature || flaky >= maxPerSignature;
  }
}

function keyOf(signature: string, id: string): string {
  return `${signature}/${id}`;
}

function faultOf(finding: Finding, path: string, seconds: number): Mutable<Fault> {
  const { signature, objective, summary, task, execs } = finding;
  return {
    formatVersion: FORMAT_VERSION,
    signatureVersion: SIGNATURE_VERSION,
    signature,
    objective,
    summary,
    firstTask: task,
    firstExecs: execs,
    hits: 0,
    kept: 0,
    flaky: 0,
    firstSeconds: seconds,
    path,
  };
}
