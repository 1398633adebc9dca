import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMachineFailure, MachineError, systemReason, UserError } from '../core/errors.ts';
import { geometryOfInput } from '../saliency/explain.ts';
import type { Explanation } from '../saliency/method.ts';
import { mapTile, pictureTile, sheetPng, type Tile } from '../saliency/sheet.ts';
import { encodeNpz } from '../tensor/npz.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Prepared } from './explained-inputs.ts';

/** Names of the files that hold maps. */
const MAP_FILE = /^input-\d+\.(png|npz)$/;

/**
 * Checks that maps can be written to a folder, before any is drawn.
 *
 * @param overwrite whether maps that it holds may be replaced
 * @throws UserError where it holds maps that may not, or is a file
 */
export async function checkMapsFolder(folder: string, overwrite: boolean): Promise<void> {
  const maps = await mapsIn(folder);
  if (maps.length > 0 && !overwrite)
    throw new UserError(
      `--out: ${folder} holds other maps (${maps[0]}): name another folder, or replace them with --overwrite`,
    );
}

/** The files of maps in a folder; none where there is no folder yet. */
async function mapsIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => MAP_FILE.test(name)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw cannotWrite(folder, error);
  }
}

function cannotWrite(folder: string, error: unknown): UserError | MachineError {
  const text = `--out: cannot write to ${folder}: ${systemReason(error)}`;
  return isMachineFailure(error) ? new MachineError(text) : new UserError(text);
}

/** Explanations by method and input, by a model. */
export type ModelMaps = (method: string, input: number) => Explanation;

/**
 * Writes for each input `input-<number>.npz`, with the maps of each method, and for pictures `input-<number>.png`: a row for each
 * method, the input in front of the maps. Maps that the folder held are removed.
 *
 * @param models a column for each; with several the arrays have a first dimension for them
 * @throws UserError where the folder cannot be written
 * @throws MachineError where the disk is full or fails
 */
export async function writeMaps(
  folder: string,
  { inputs, methods, context }: Prepared,
  models: readonly ModelMaps[],
): Promise<void> {
  const { descriptor, position } = context;
  try {
    await mkdir(folder, { recursive: true });
    for (const name of await mapsIn(folder)) await rm(join(folder, name));
    for (const [i, input] of inputs.entries()) {
      const { places, picture } = geometryOfInput(context, input.data);
      const shape = picture === undefined ? [places] : [picture.height, picture.width];
      const found = methods.map((name) => ({ name, maps: models.map((mapsOf) => mapsOf(name, i)) }));
      const name = join(folder, `input-${input.index}`);
      const arrays = found
        .filter(({ maps }) => maps.every((explanation) => 'map' in explanation))
        .flatMap(({ name, maps }) => arraysOf(name, maps, shape));
      if (arrays.length > 0) await writeFile(`${name}.npz`, encodeNpz(arrays));
      if (picture === undefined || descriptor.picture === undefined) continue;
      const image = pictureTile(position, descriptor.picture, input.data);
      const rows = found.map(({ maps }): Tile[] => [
        image,
        ...maps.map((explanation) =>
          'map' in explanation ? mapTile(explanation.map.signed, picture) : undefined,
        ),
      ]);
      await writeFile(`${name}.png`, await sheetPng(rows));
    }
  } catch (error) {
    throw cannotWrite(folder, error);
  }
}

/** The maps of a method with their signs, and their magnitudes. */
function arraysOf(
  name: string,
  explanations: readonly Explanation[],
  shape: readonly number[],
): (readonly [string, Tensor])[] {
  const size = shape.reduce((product, side) => product * side, 1);
  const whole = explanations.length === 1 ? shape : [explanations.length, ...shape];
  const joined = (kind: 'signed' | 'magnitude'): Tensor => {
    const data = new Float32Array(size * explanations.length);
    explanations.forEach((explanation, i) => {
      if ('map' in explanation) data.set(explanation.map[kind], i * size);
    });
    return { type: 'float32', shape: whole, data };
  };
  return [
    [name, joined('signed')],
    [`${name}-magnitude`, joined('magnitude')],
  ];
}
