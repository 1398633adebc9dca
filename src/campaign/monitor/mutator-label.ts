import { escapeControl } from '../../core/escape-control.ts';
import type { MutatorStatistics } from '../../fuzzer/scheduling/mutator-scheduler.ts';

/** Name of a mutator for people, with that of its input where mutators of several are listed: `x:gaussian`. */
export function mutatorLabel(
  { input, mutator }: Pick<MutatorStatistics, 'input' | 'mutator'>,
  all: readonly Pick<MutatorStatistics, 'input'>[],
): string {
  return all.every((other) => other.input === input) ? mutator : `${escapeControl(input)}:${mutator}`;
}
