/**
 * Sizes of tasks. Each is a function of the task's number and the campaign's batch size alone, so that equal seeds give
 * equal campaigns on any machine.
 */

/** Most tasks in flight: enough for two at each of 32 workers. */
const MAX_FEEDBACK_DELAY = 64;

/**
 * One in this many of the tasks so far may be in flight when a task starts. Mutants build on earlier mutants, and a
 * task does not see the results that are in flight: with a tenth of the tasks, finding a NaN took five to ten times as
 * many mutants.
 */
const BLIND_SHARE = 50;

/** The first tasks are of a quarter and of half a batch: more generations from the same number of mutants. */
const QUARTER_BATCH_TASKS = 128;
const HALF_BATCH_TASKS = 384;

/** Tasks up to which each is one batch, and the most batches in one later. */
const SINGLE_BATCH_TASKS = 512;
const MAX_BATCHES_PER_TASK = 8;

/**
 * Task n sees the state after task n − delay. The delay grows by at most 1 from task to task, so none sees less than the one
 * before it.
 *
 * @param least the delay that it grows to at once, where the first tasks take long: with one in flight, a campaign of a slow
 *   model would have one worker for minutes
 */
export function feedbackDelay(task: number, least = 1): number {
  return Math.min(MAX_FEEDBACK_DELAY, Math.max(1, Math.min(task, least), Math.floor(task / BLIND_SHARE)));
}

/** While epochs grow, each has one task for this many before it. */
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
 * The feedback delay of a campaign in epochs: a task sees the state at the end of the epoch before the last, so that two
 * epochs are in flight and distant machines need not wait. The first epochs are short.
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
    return task - Math.max(0, before < 1 ? 0 : startOf(before) - 1);
  };
}

/** Index of the last of ascending numbers that is at most `number`. */
function lastIndexAtMost(ascending: readonly number[], number: number): number {
  let index = 0;
  while (index + 1 < ascending.length && ascending[index + 1] <= number) index++;
  return index;
}

/** Number of mutants in a task that is not directed. */
export function mutantsInTask(task: number, batch: number): number {
  if (task <= QUARTER_BATCH_TASKS) return Math.ceil(batch / 4);
  if (task <= HALF_BATCH_TASKS) return Math.ceil(batch / 2);
  return batch * Math.min(MAX_BATCHES_PER_TASK, Math.ceil(task / SINGLE_BATCH_TASKS));
}

/** One task in this many is directed, where there are goals. */
const DIRECTED_INTERVAL_TASKS = 2;

/** Where goals are preferred, all tasks but one in this many are directed. */
const UNDIRECTED_ASCENT_INTERVAL_TASKS = 4;

/**
 * Whether a task is directed at a goal.
 *
 * @param prefersGoals whether gradients are expected to lead to a goal, or goals catch up on what gradients took in vain
 */
export function isDirected(task: number, prefersGoals = false): boolean {
  return prefersGoals ? task % UNDIRECTED_ASCENT_INTERVAL_TASKS !== 1 : task % DIRECTED_INTERVAL_TASKS === 0;
}

/** Tasks that gradients may lead to a goal at once: they are small, so that the next ones learn from them. */
const FIRST_ASCENT_TASKS = 16;

export function isFirstAscent(task: number): boolean {
  return task <= FIRST_ASCENT_TASKS;
}

/**
 * Whether a task is one of those in which goals catch up, where gradients were tried in vain: more of them are for goals, and these are
 * small. Behind a staircase whose gradient leads nowhere, a NaN takes 2,735 mutants so, and 2,785 without
 * gradients (medians of thirty seeds).
 */
export function isCatchingUp(task: number): boolean {
  return task <= QUARTER_BATCH_TASKS;
}

/** Steps of one of the first tasks that step along gradients, which has one trajectory. */
const FIRST_ASCENT_STEPS = 3;

/**
 * Number of mutants in one of the first tasks that step along gradients, and of those that catch up. The very first task has two picks and uses none: preparing a
 * gradient takes longer than finding what the first mutants find.
 */
export function firstAscentMutants(task: number, batch: number): number {
  return task === 1
    ? Math.min(directedMutants(batch), 2 * MUTANTS_PER_PICK)
    : Math.min(directedMutants(batch), FIRST_ASCENT_STEPS * MUTANTS_PER_PICK);
}

/** One task in this many has another size than its parents, where there are sizes to try. */
const RESIZED_INTERVAL_TASKS = 16;

/** Whether a task has another size: one that is not directed, the first among them. */
export function isResized(task: number): boolean {
  return task % RESIZED_INTERVAL_TASKS === 1;
}

/** Which of so many sizes a task has: they take turns. */
export function sizeIndex(task: number, sizes: number): number {
  return Math.floor(task / RESIZED_INTERVAL_TASKS) % sizes;
}

/** Number of mutants in a task of another size: no more than in the smallest of the others, so that its share is theirs. */
export function resizedMutants(batch: number): number {
  return Math.ceil(batch / 4);
}

/** Where nothing but broken seeds is asked for, all tasks but one in this many are directed: new activations break few. */
const UNDIRECTED_SEED_INTERVAL_TASKS = 4;

/** Whether a task is directed, where nothing but broken seeds is asked for. */
export function isDirectedAtSeeds(task: number): boolean {
  return task % UNDIRECTED_SEED_INTERVAL_TASKS !== 1;
}

/** Number of mutants in a directed task: it builds on earlier ones, so many small tasks get further than few large ones. */
export function directedMutants(batch: number): number {
  return Math.ceil(batch / 4);
}

/**
 * Steps of a task directed at a violation, each of which mutates the best mutants of the ones before it. A decision
 * boundary is hundreds of small changes away, and without steps the feedback delay would allow only few generations.
 */
export const DIRECTED_STEPS = 8;

/**
 * Steps of a task with lookahead: prefilling a prompt and scoring a continuation costs a fraction of generating an answer,
 * and a prompt that leads to a rare answer is hundreds of small changes away.
 */
export const LOOKAHEAD_STEPS = 16;

/** Where every task is a single batch, all tasks but one in this many are directed: answers are expensive, lookahead is not. */
const UNDIRECTED_INTERVAL_TASKS = 4;

/** Whether a task is directed, where every task is a single batch. */
export function isDirectedSingleBatch(task: number): boolean {
  return task % UNDIRECTED_INTERVAL_TASKS !== 0;
}

/** Whether this directed-search task evaluates close candidates fully instead of using lookahead. */
export function evaluatesNearest(task: number): boolean {
  return task % UNDIRECTED_INTERVAL_TASKS === 2;
}

/** Trajectories in a task directed at a violation. */
export function trajectoriesPerTask(batch: number): number {
  return Math.max(1, Math.floor(batch / (2 * DIRECTED_STEPS * MUTANTS_PER_PICK)));
}

/** As `QUARTER_BATCH_TASKS` and `HALF_BATCH_TASKS`, for campaigns that search for an objective's violation. */
const QUARTER_BATCH_VIOLATION_TASKS = 768;
const HALF_BATCH_VIOLATION_TASKS = 1536;

/**
 * Number of mutants in a task of a campaign that seeks a violation. Tasks stay small for longer; a violation that many
 * small tasks have not found does not lack generations, so from then on throughput counts.
 *
 * @param isForGoal whether the task is directed
 */
export function violationSearchMutants(task: number, batch: number, isForGoal = isDirected(task)): number {
  const directed = DIRECTED_STEPS * trajectoriesPerTask(batch) * MUTANTS_PER_PICK;
  if (isForGoal) return task <= HALF_BATCH_VIOLATION_TASKS ? directed : Math.max(directed, batch);
  if (task <= QUARTER_BATCH_VIOLATION_TASKS) return Math.ceil(batch / 4);
  return task <= HALF_BATCH_VIOLATION_TASKS ? Math.ceil(batch / 2) : mutantsInTask(task, batch);
}

/** Mutants of one pick: made of one parent, one after the other. */
export const MUTANTS_PER_PICK = 8;

/** Most values of a batch that fits into a core's L2 cache. */
const MAX_BATCH_VALUES = 1 << 18;
const MAX_BATCH = 256;

/** Values from which on a testcase is a batch of its own: copying it may take as long as running it. */
export const LARGE_ROW_VALUES = MAX_BATCH_VALUES / 2 + 1;

/** Default batch size for testcases of so many values. */
export function defaultBatch(valuesPerRow: number): number {
  let batch = MAX_BATCH;
  while (batch > 1 && batch * valuesPerRow > MAX_BATCH_VALUES) batch /= 2;
  return batch;
}
