import type { AscentAccount } from '../../fuzzer/search/search-goal.ts';
import type { Monitor } from './monitor.ts';

/** Says why there is no gradient; that of a process that died is no fault of a mutant, and holds for all goals. */
export function reportRefusal(
  monitor: Pick<Monitor, 'info' | 'warn'>,
  { refusal, isDeadly }: Pick<AscentAccount, 'refusal' | 'isDeadly'>,
): void {
  if (isDeadly === true)
    monitor.warn(
      `${refusal}: no mutant is to blame; the search continues without gradients, as with --gradients off`,
    );
  else monitor.info(`${refusal}: the search for this goal mutates without it`);
}
