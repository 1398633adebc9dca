import { distance } from 'fastest-levenshtein';

/** `did you mean x?` for the closest name by Levenshtein distance; empty if no name is close. */
export function didYouMean(mistyped: string, names: readonly string[]): string {
  let best = '';
  let smallest = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const edits = distance(mistyped.toLowerCase(), name.toLowerCase());
    if (edits < smallest) {
      smallest = edits;
      best = name;
    }
  }
  return smallest <= Math.max(2, mistyped.length / 2) ? `did you mean ${best}?` : '';
}

/**
 * `did you mean x?`, or the valid names (at most the first eight) if none is close.
 *
 * @param lister the command that lists all of them, which is named too
 */
export function suggestName(mistyped: string, names: readonly string[], lister?: string): string {
  const suggestion = didYouMean(mistyped, names);
  if (lister !== undefined)
    return suggestion === ''
      ? `${someNames(names)}; ${lister} lists them`
      : `${suggestion} ${lister} lists them`;
  return suggestion === '' ? someNames(names) : suggestion;
}

function someNames(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `there are ${shown}, … (${names.length} in all)` : `there is ${shown}`;
}
