import { type Fault, isConfirmedFault } from '../../campaign/findings/fault-registry.ts';
import { plural } from '../../core/format-number.ts';
import type { CampaignFailure, NightTurn } from '../../nightly/turns.ts';

/** Counts what a night finds while it runs. */
export class NightCounts {
  readonly #fresh = new Set<string>();
  readonly #known = new Set<string>();
  readonly #failed = new Set<string>();
  #isCupFailed = false;

  /** Adds the faults of a campaign, as many times as there are any. */
  addFaults({ name, knownSignatures }: NightTurn, faults: readonly Fault[]): void {
    for (const fault of faults.filter(isConfirmedFault)) {
      const counted = knownSignatures.has(fault.signature) ? this.#known : this.#fresh;
      counted.add(`${name} ${fault.signature}`);
    }
  }

  addFailure({ name, isCup }: CampaignFailure): void {
    if (isCup === true) this.#isCupFailed = true;
    else this.#failed.add(name);
  }

  /** The counts for people: `1 new fault`, `12 known`, `1 campaign could not run`. */
  get parts(): string[] {
    const { size } = this.#failed;
    return [
      plural(this.#fresh.size, 'new fault'),
      `${this.#known.size} known`,
      ...(size === 0 ? [] : [`${plural(size, 'campaign')} failed`]),
      ...(this.#isCupFailed ? ['the cup failed'] : []),
    ];
  }
}
