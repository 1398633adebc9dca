/** How much a place of an input matters, against the place that matters most: above a half, above a quarter, or less. */
export type Emphasis = 'strong' | 'some' | 'little';

/** The greatest magnitude among the values of a map; 0 where there are none. */
export function greatestMagnitude(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Of each value of a map, how much its place matters. Where all values are 0, none does. */
export function emphases(values: readonly number[]): Emphasis[] {
  const most = greatestMagnitude(values);
  return values.map((value) => {
    const share = most === 0 ? 0 : Math.abs(value) / most;
    return share > 0.5 ? 'strong' : share > 0.25 ? 'some' : 'little';
  });
}

/** Numbers of the places with the greatest magnitudes, in their order. */
export function strongestPlaces(values: readonly number[], count: number): number[] {
  return [...values.keys()]
    .sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]) || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}

/** Whether the places of an input are numbered columns, not tokens with a text. */
export function areColumns(places: readonly string[]): boolean {
  return places.every((text, place) => text === `${place}`);
}
