import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, UserError } from '../../core/errors.ts';
import { programValues } from '../../reprogram/program.ts';
import { withProgram } from '../../reprogram/program-oracle.ts';
import { pictureTile, sheetPng, type Tile } from '../../saliency/sheet.ts';
import { encodeNpy } from '../../tensor/npy.ts';
import type { PreparedProgram, TestedProgram } from './prepare.ts';
import type { ReprogramReport } from './report.ts';

/** Test inputs that are shown before and after. */
const SHOWN = 9;

/**
 * Writes what was found next to the campaign: `result.json`, `mask.npy`, and for each class `program-<class>.npy` (what is added or
 * written), and for pictures `program-<class>.png` (nine test inputs, and the same with the program).
 *
 * @throws UserError where the folder cannot be written
 */
export async function writePrograms(
  folder: string,
  report: ReprogramReport,
  programs: readonly TestedProgram[],
  { test, position, placement, descriptor }: PreparedProgram,
): Promise<void> {
  const { shape } = test[0].form.inputs[position];
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'result.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(
      join(folder, 'mask.npy'),
      encodeNpy({ type: 'uint8', shape: [...shape], data: placement.mask }),
    );
    for (const { to, trained } of programs) {
      const values = programValues(trained.weights, placement);
      await writeFile(
        join(folder, `program-${to}.npy`),
        encodeNpy({ type: 'float32', shape: [...shape], data: Float32Array.from(values) }),
      );
      const { picture } = descriptor;
      if (picture === undefined) continue;
      const rows = test
        .slice(0, SHOWN)
        .map((input): Tile[] => [
          pictureTile(position, picture, input),
          pictureTile(position, picture, withProgram(input, position, values, placement)),
        ]);
      await writeFile(join(folder, `program-${to}.png`), await sheetPng(rows));
    }
  } catch (error) {
    throw new UserError(`--out: cannot write to ${folder}: ${errorMessage(error)}`);
  }
}
