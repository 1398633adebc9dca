import { UserError } from '../core/errors.ts';

let places: ReadonlyMap<string, string> | undefined;

/**
 * Says where the files lie that specs name, in a process that works for a campaign of another machine: from then on no other
 * file is read because a spec says so.
 */
export function settle(own: Readonly<Record<string, string>>): void {
  places = new Map(Object.entries(own));
}

/** Where a file lies that a spec names. @throws UserError where the campaign is another machine's and the file did not come along */
export function placeOf(path: string): string {
  if (places === undefined) return path;
  const found = places.get(path);
  if (found === undefined) throw new UserError(`${path} did not come along with the campaign`);
  return found;
}
