import { showProgress } from '../src/cli/output/progress.ts';

/**
 * Passes items on, one after the other, and shows on standard error how many are done and how long the others will take.
 *
 * @param label what is measured
 * @param unit what an item is, as a singular noun
 * @param units its plural, where that has another ending than s
 */
export function* tracked<T>(label: string, unit: string, items: readonly T[], units?: string): Generator<T> {
  const display = showProgress({});
  try {
    for (const [done, item] of items.entries()) {
      display.update({ label, done, total: items.length, unit, ...(units === undefined ? {} : { units }) });
      yield item;
    }
  } finally {
    display.finish();
  }
}
