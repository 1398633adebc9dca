import type { ClassMap } from './losses.ts';

/**
 * Assigns classes to labels: the mean logit of each class for each label, less the mean of the class over all labels, and of these
 * figures the largest first, up to ⌊classes / labels⌋ classes for each label.
 *
 * @param logits `[rows][classes]`
 * @param labels of the rows, from 0
 * @param labelCount at most as many as there are classes
 */
export function assignClasses(
  logits: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
  labelCount: number,
): ClassMap {
  const classes = logits[0].length;
  const sums = Array.from({ length: labelCount }, () => new Float64Array(classes));
  const counts = new Float64Array(labelCount);
  logits.forEach((row, i) => {
    counts[labels[i]]++;
    for (let k = 0; k < classes; k++) sums[labels[i]][k] += row[k];
  });
  const means = sums.map((sum, label) => sum.map((value) => value / Math.max(1, counts[label])));
  const pairs = means.flatMap((row, label) =>
    Array.from(row, (mean, k) => ({
      label,
      k,
      lead: mean - means.reduce((sum, other) => sum + other[k], 0) / labelCount,
    })),
  );
  pairs.sort((a, b) => b.lead - a.lead || a.label - b.label || a.k - b.k);
  const map: number[][] = Array.from({ length: labelCount }, () => []);
  const most = Math.floor(classes / labelCount);
  const taken = new Set<number>();
  for (const { label, k } of pairs) {
    if (map[label].length >= most || taken.has(k)) continue;
    map[label].push(k);
    taken.add(k);
  }
  return map.map((list) => list.sort((a, b) => a - b));
}

/** Class i is label i. */
export function firstClasses(labelCount: number): ClassMap {
  return Array.from({ length: labelCount }, (_, label) => [label]);
}

/** What is wrong with a map, as a clause for people; undefined if nothing is. */
export function faultOfMap(map: unknown, labelCount: number, classes: number): string | undefined {
  if (!isListOfLists(map)) return 'must hold a list of classes for each label, such as [[0, 4], [1, 2]]';
  if (map.length !== labelCount)
    return `has classes for ${map.length} labels, and the task has ${labelCount}`;
  const empty = map.findIndex((list) => list.length === 0);
  if (empty >= 0) return `gives label ${empty} no class`;
  const all = map.flat();
  const unknown = all.find((k) => !Number.isInteger(k) || k < 0 || k >= classes);
  if (unknown !== undefined)
    return `names class ${unknown}, and the model knows those from 0 to ${classes - 1}`;
  const twice = all.find((k, i) => all.indexOf(k) !== i);
  return twice === undefined ? undefined : `names class ${twice} twice`;
}

function isListOfLists(value: unknown): value is number[][] {
  return (
    Array.isArray(value) &&
    value.every((list) => Array.isArray(list) && list.every((entry) => typeof entry === 'number'))
  );
}
