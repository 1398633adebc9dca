import { distance } from 'fastest-levenshtein';

/** The name nearest to a mistyped one, in words for a message; empty where none is near. */
export function didYouMean(wrong: string, names: readonly string[]): string {
  let best = '';
  let least = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const far = distance(wrong.toLowerCase(), name.toLowerCase());
    if (far < least) {
      least = far;
      best = name;
    }
  }
  return least <= Math.max(2, wrong.length / 2) ? `did you mean ${best}?` : '';
}

/** `did you mean x?` or, where nothing is near, the names there are (the first few of many). */
export function suggestName(wrong: string, names: readonly string[]): string {
  const near = didYouMean(wrong, names);
  if (near !== '') return near;
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `there are ${shown}, … (${names.length} in all)` : `there is ${shown}`;
}
