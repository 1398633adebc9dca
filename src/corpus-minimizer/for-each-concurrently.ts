/** Files read or written at the same time. */
const CONCURRENCY = 16;

/** Runs an action on each item, a few at the same time. */
export async function forEachConcurrently<T>(
  items: readonly T[],
  action: (item: T) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < items.length; from += CONCURRENCY)
    await Promise.all(items.slice(from, from + CONCURRENCY).map(action));
}
