/** Sets of elements, of which a few are to cover what all of them cover. Sets and elements are numbered from 0. */
export interface SetCoverProblem {
  readonly setCount: number;
  readonly elementCount: number;
  /** Visits each element of a set once. */
  forEachElement(set: number, visit: (element: number) => void): void;
  /** Sets that are chosen whatever they cover. */
  readonly required?: readonly number[];
  /** Sets that have to be chosen with a set. */
  readonly dependenciesOf?: (set: number) => readonly number[];
  /** Elements that a set that is left out may have uncovered; 0 unless given. */
  readonly maxUncovered?: number;
}

/**
 * A small choice of sets that covers all elements. The smallest one is NP-hard to find; this is the greedy one (Chvátal,
 * A Greedy Heuristic for the Set-Covering Problem, 1979), from which sets that the others cover are removed again. Equal
 * problems give equal choices.
 *
 * @returns the chosen sets, ascending
 */
export function greedySetCover(problem: SetCoverProblem): number[] {
  const { setCount, elementCount, required = [], dependenciesOf = () => [], maxUncovered = 0 } = problem;
  /** How many of the chosen sets cover each element. */
  const coverCounts = new Int32Array(elementCount);
  const chosen = new Set<number>();
  const choose = (set: number): void => {
    for (const member of [set, ...dependenciesOf(set)]) {
      if (chosen.has(member)) continue;
      chosen.add(member);
      problem.forEachElement(member, (element) => void coverCounts[element]++);
    }
  };
  const gainOf = (set: number): number => {
    let gain = 0;
    problem.forEachElement(set, (element) => {
      if (coverCounts[element] === 0) gain++;
    });
    return gain;
  };
  for (const set of required) choose(set);
  // Gains only fall, so the first set whose gain is still what it was queued with is the best one.
  const byGain: number[][] = [];
  const enqueue = (set: number, gain: number): void => {
    byGain[gain] ??= [];
    byGain[gain].push(set);
  };
  for (let set = setCount - 1; set >= 0; set--) enqueue(set, gainOf(set));
  for (let gain = byGain.length - 1; gain > maxUncovered; gain--) {
    const queue = byGain[gain] ?? [];
    for (let set = queue.pop(); set !== undefined; set = queue.pop()) {
      if (chosen.has(set)) continue;
      const currentGain = gainOf(set);
      if (currentGain === gain) choose(set);
      else enqueue(set, currentGain);
    }
  }
  removeRedundant(problem, chosen, coverCounts);
  return [...chosen].sort((a, b) => a - b);
}

/** Removes sets all of whose elements other chosen sets cover, the last first. */
function removeRedundant(problem: SetCoverProblem, chosen: Set<number>, coverCounts: Int32Array): void {
  const { dependenciesOf = () => [] } = problem;
  const required = new Set(problem.required);
  const dependents = new Map<number, number>();
  for (const set of chosen)
    for (const other of dependenciesOf(set))
      if (other !== set) dependents.set(other, (dependents.get(other) ?? 0) + 1);
  for (const set of [...chosen].sort((a, b) => b - a)) {
    if (required.has(set) || (dependents.get(set) ?? 0) > 0) continue;
    let isNeeded = false;
    problem.forEachElement(set, (element) => {
      if (coverCounts[element] === 1) isNeeded = true;
    });
    if (isNeeded) continue;
    chosen.delete(set);
    problem.forEachElement(set, (element) => void coverCounts[element]--);
    for (const other of dependenciesOf(set)) dependents.set(other, (dependents.get(other) ?? 0) - 1);
  }
}
