/** A range of rows that ran together, or one row that failed alone. */
export type RangeOutcome<T> = { readonly from: number; readonly to: number } & (
  | { readonly result: T }
  | { readonly error: unknown }
);

/**
 * Runs a range of rows together. Where that fails, runs each half alone, down to the single rows that fail. The second half
 * runs after the outcomes of the first have been consumed.
 *
 * @param run runs rows `from` to `to`, the latter excluded; it rejects where the runtime fails
 */
export async function* runInHalves<T>(
  from: number,
  to: number,
  run: (from: number, to: number) => Promise<T>,
): AsyncGenerator<RangeOutcome<T>, void> {
  let outcome: RangeOutcome<T>;
  try {
    outcome = { from, to, result: await run(from, to) };
  } catch (error) {
    outcome = { from, to, error };
  }
  if ('result' in outcome || to - from === 1) {
    yield outcome;
    return;
  }
  const middle = (from + to) >> 1;
  yield* runInHalves(from, middle, run);
  yield* runInHalves(middle, to, run);
}
