import { basename } from 'node:path';
import { modelName } from '../../core/model-name.ts';

/**
 * Names of players by their paths: as short as tells them apart. A path that is given twice gets a number the second time.
 *
 * @param taken names that others have
 */
export function playerNames(
  paths: readonly string[],
  short: (path: string) => string,
  taken: readonly string[],
): string[] {
  const distinct = [...new Set(paths)];
  const shortOf = new Map(distinct.map((path) => [path, short(path)]));
  const isClear = (path: string): boolean => {
    const name = shortOf.get(path);
    return distinct.every((other) => other === path || shortOf.get(other) !== name);
  };
  const used = new Set(taken);
  return paths.map((path) => {
    const name = (isClear(path) ? shortOf.get(path) : undefined) ?? path;
    let free = name;
    for (let n = 2; used.has(free); n++) free = `${name} (${n})`;
    used.add(free);
    return free;
  });
}

/** Names of models. */
export function modelNames(paths: readonly string[], taken: readonly string[]): string[] {
  return playerNames(paths, modelName, taken);
}

/** Names of folders of testcases. */
export function corpusNames(paths: readonly string[], taken: readonly string[]): string[] {
  return playerNames(paths, (path) => basename(path.replace(/[/\\]+$/, '')), taken);
}
