/**
 * How work is cut into tasks. All of it is a function of the task's number and the campaign's batch alone,
 * so that the same seed does the same whatever computes it.
 */

/** Tasks in flight at most: enough to feed 32 workers twice over. */
const MAX_FEEDBACK_DELAY = 64;

/**
 * One in this many of the tasks so far may be out when a task starts. Search goes from parent to child, so
 * what is out makes it blind: with a tenth instead, a NaN took five to ten times as many mutants.
 */
const BLIND_SHARE = 50;

/** Tasks of a quarter and of half a batch that come first: more generations from the same mutants. */
const QUARTER_BATCH_TASKS = 128;
const HALF_BATCH_TASKS = 384;

/** Tasks up to which one is one batch, and the largest number of batches in one. */
const SINGLE_BATCH_TASKS = 512;
const MAX_BATCHES_PER_TASK = 8;

/** Task n sees the state after task n − lag. Grows by at most one a task, so no task sees less than its last. */
export function feedbackDelay(task: number): number {
  return Math.min(MAX_FEEDBACK_DELAY, Math.max(1, Math.floor(task / BLIND_SHARE)));
}

/** Tasks so far over the length of the next epoch, while epochs grow to their size. */
const EPOCH_GROWTH = 8;

/** The first task of each epoch, while epochs grow to their size. */
function growingEpochStarts(size: number): number[] {
  const starts = [1];
  for (let length = 1; length < size; ) {
    starts.push(starts[starts.length - 1] + length);
    length = Math.min(size, Math.max(1, Math.floor((starts[starts.length - 1] - 1) / EPOCH_GROWTH)));
  }
  return starts;
}

/**
 * The lag of a campaign that goes in epochs: a task sees the state as it stood at the end of the epoch before the last one, so
 * that two epochs are out at a time and machines far off need not wait. The first epochs are short.
 *
 * @param size tasks in an epoch
 */
export function epochFeedbackDelay(size: number): (task: number) => number {
  const starts = growingEpochStarts(size);
  const last = starts[starts.length - 1];
  const startOf = (task: number): number =>
    task >= last ? last + size * Math.floor((task - last) / size) : starts[lastIndexAtMost(starts, task)];
  return (task) => {
    const before = startOf(task) - 1;
    // All results of the epochs before the last one.
    return task - Math.max(0, before < 1 ? 0 : startOf(before) - 1);
  };
}

/** Place of the last of ascending numbers that is no larger than one. */
function lastIndexAtMost(ascending: readonly number[], number: number): number {
  let place = 0;
  while (place + 1 < ascending.length && ascending[place + 1] <= number) place++;
  return place;
}

/** Mutants in a task. */
export function mutantsInTask(task: number, batch: number): number {
  if (task <= QUARTER_BATCH_TASKS) return Math.ceil(batch / 4);
  if (task <= HALF_BATCH_TASKS) return Math.ceil(batch / 2);
  return batch * Math.min(MAX_BATCHES_PER_TASK, Math.ceil(task / SINGLE_BATCH_TASKS));
}

/** One task in so many climbs toward a point, where the model has any. */
const DIRECTED_INTERVAL_TASKS = 2;

/** Whether a task climbs: one that goes from parent to child, so that many small ones get farther than few large. */
export function isDirected(task: number): boolean {
  return task % DIRECTED_INTERVAL_TASKS === 0;
}

/** Mutants in a task that climbs. */
export function directedMutants(batch: number): number {
  return Math.ceil(batch / 4);
}

/**
 * Steps of a task that climbs toward a violation: what comes nearest in one is mutated in the next. From one task to the
 * next there are as few generations as results are late, and a border is hundreds of small changes away.
 */
export const DIRECTED_STEPS = 8;

/**
 * Steps of a task that looks ahead: taking in a prompt and telling how likely a text is costs a fraction of an answer, and a
 * prompt that leads to a rare one is hundreds of small changes away.
 */
export const LOOKAHEAD_STEPS = 16;

/** Of so many tasks of a campaign whose batches are single ones, all but one climb: answers are dear, looking ahead is not. */
const UNDIRECTED_INTERVAL_TASKS = 4;

/** Whether a task climbs where tasks are single batches. */
export function isDirectedSingleBatch(task: number): boolean {
  return task % UNDIRECTED_INTERVAL_TASKS !== 0;
}

/** Whether a task that climbs tries what is near rather than looking further ahead. */
export function evaluatesNearest(task: number): boolean {
  return task % UNDIRECTED_INTERVAL_TASKS === 2;
}

/** Lines of descent in such a task, by the campaign's batch. */
export function trajectoriesPerTask(batch: number): number {
  return Math.max(1, Math.floor(batch / (2 * DIRECTED_STEPS * MUTANTS_PER_PICK)));
}

/** Tasks of a quarter and of half a batch that come first in a campaign that seeks a violation. */
const QUARTER_BATCH_VIOLATION_TASKS = 768;
const HALF_BATCH_VIOLATION_TASKS = 1536;

/**
 * Mutants in a task of a campaign that seeks a violation. What has not come up after many small tasks is not for want of
 * generations; then the pace counts, and the tasks that climb no longer have more than half of the mutants.
 */
export function violationSearchMutants(task: number, batch: number): number {
  const lines = DIRECTED_STEPS * trajectoriesPerTask(batch) * MUTANTS_PER_PICK;
  if (isDirected(task)) return task <= HALF_BATCH_VIOLATION_TASKS ? lines : Math.max(lines, batch);
  if (task <= QUARTER_BATCH_VIOLATION_TASKS) return Math.ceil(batch / 4);
  return task <= HALF_BATCH_VIOLATION_TASKS ? Math.ceil(batch / 2) : mutantsInTask(task, batch);
}

/** Mutants made of one parent in a row. */
export const MUTANTS_PER_PICK = 8;

/** Values in a batch that keep it within a core's second-level cache. */
const MAX_BATCH_VALUES = 1 << 18;
const MAX_BATCH = 256;

/** Mutants in one run of the model, by the number of values in a testcase. */
export function defaultBatch(valuesPerRow: number): number {
  let batch = MAX_BATCH;
  while (batch > 1 && batch * valuesPerRow > MAX_BATCH_VALUES) batch /= 2;
  return batch;
}
