import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, UserError } from '../../core/errors.ts';
import { encodeTestcase, testcaseId } from '../../inputs/testcase.ts';
import { packBatch } from '../../model/testcase-batch.ts';
import { layoutOf } from '../../mutators/image/layout.ts';
import { goalName, type ProgramGoal, type UniversalGoal } from '../../reprogram/goal.ts';
import { type Placement, programValues } from '../../reprogram/program.ts';
import { storedValues } from '../../reprogram/program-file.ts';
import { withProgram } from '../../reprogram/program-oracle.ts';
import { mapTile, pictureTile, sheetPng, type Tile } from '../../saliency/sheet.ts';
import { encodeNpy } from '../../tensor/npy.ts';
import { type PreparedProgram, testOffsets } from './prepare.ts';
import type { TaskReport, UniversalReport } from './report.ts';
import { fileSuffix, type TestedProgram } from './training.ts';

/** Test inputs that are shown before and after. */
const SHOWN = 9;

/** Test inputs that are kept, which `minimize` tries smaller programs on. */
const MAX_KEPT = 128;

/** Programs of one kind, and those that were trained on the untrained copy; undefined without controls. */
interface Trained<G extends ProgramGoal> {
  readonly programs: readonly TestedProgram<G>[];
  readonly untrained: readonly TestedProgram<G>[] | undefined;
}

/**
 * Writes what was found next to the campaign: `result.json`, `curve.jsonl` (the training loss of each step), `tests.jsonl` (of each test
 * input its id, its label and where a patch lies), `tests.npz` (the first of them), and for each class `program-<class>.npy`, `mask-<class>.npy` and for pictures
 * `program-<class>.png` (nine test inputs, and the same with the program); of a single class without its name.
 *
 * @throws UserError where the folder cannot be written
 */
export async function writeUniversal(
  folder: string,
  report: UniversalReport,
  trained: Trained<UniversalGoal>,
  prepared: PreparedProgram,
  seed: string,
): Promise<void> {
  const { placement, test, testLabels } = prepared;
  const offsets = testOffsets(placement, test, seed);
  const tests = test.map((data, i) => ({ id: testcaseId(data), label: testLabels[i], offset: offsets[i] }));
  const kept = test.slice(0, MAX_KEPT);
  await write(
    folder,
    report,
    trained,
    prepared,
    seed,
    new Map<string, string | Uint8Array>([
      ['tests.jsonl', lines(tests)],
      ['tests.npz', encodeTestcase(packBatch(kept), kept.length)],
    ]),
  );
}

/** As `writeUniversal`, of the program of a task, with `map.json` and without `tests.jsonl`. */
export async function writeTask(
  folder: string,
  report: TaskReport,
  trained: Trained<ProgramGoal>,
  prepared: PreparedProgram,
  seed: string,
): Promise<void> {
  const map = `${JSON.stringify(report.map)}\n`;
  await write(folder, report, trained, prepared, seed, new Map([['map.json', map]]));
}

async function write(
  folder: string,
  report: UniversalReport | TaskReport,
  { programs, untrained }: Trained<ProgramGoal>,
  prepared: PreparedProgram,
  seed: string,
  others: ReadonlyMap<string, string | Uint8Array>,
): Promise<void> {
  const files = new Map<string, string | Uint8Array>([
    ['result.json', `${JSON.stringify(report, null, 2)}\n`],
    ['curve.jsonl', lines([...curveOf(programs, false), ...curveOf(untrained ?? [], true)])],
    ...others,
  ]);
  for (const program of programs) {
    const suffix = fileSuffix(program.goal, programs);
    const shape = programShape(program.placement, prepared);
    files.set(
      `program${suffix}.npy`,
      encodeNpy({
        type: 'float32',
        shape,
        data: storedValues(programValues(program.trained.weights, program.placement), program.placement),
      }),
    );
    files.set(`mask${suffix}.npy`, encodeNpy({ type: 'uint8', shape, data: program.placement.mask }));
    const sheet = await sheetOf(program, prepared, seed);
    if (sheet !== undefined) files.set(`program${suffix}.png`, sheet);
  }
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of files) await writeFile(join(folder, name), content);
  } catch (error) {
    throw new UserError(`--out: cannot write to ${folder}: ${errorMessage(error)}`);
  }
}

/** Shape of a program: the input's, or that of a patch that lies anywhere. */
function programShape(
  { mask, places }: Placement,
  { test, position, descriptor: { picture } }: PreparedProgram,
): number[] {
  const { shape } = test[0].form.inputs[position];
  if (places === undefined) return [...shape];
  const isFirst = picture?.channelsFirst === true;
  const [height, width] = isFirst ? shape.slice(-2) : shape;
  const sides = [height - places.rows + 1, width - places.columns + 1];
  const channels = shape.length === 2 ? [] : [mask.length / (sides[0] * sides[1])];
  return isFirst ? [...channels, ...sides] : [...sides, ...channels];
}

function* curveOf(programs: readonly TestedProgram[], isControl: boolean): Generator<object> {
  for (const { goal, trained } of programs)
    for (const [step, loss] of trained.losses.entries())
      yield { to: goalName(goal), control: isControl, step, loss };
}

function lines(entries: Iterable<object>): string {
  return Array.from(entries, (entry) => `${JSON.stringify(entry)}\n`).join('');
}

/** The first test inputs before and after, as a PNG; undefined where the input takes no pictures. */
export async function sheetOf(
  { trained, placement }: Pick<TestedProgram, 'trained' | 'placement'>,
  { test, position, descriptor: { picture } }: PreparedProgram,
  seed: string,
): Promise<Uint8Array | undefined> {
  if (picture === undefined) return undefined;
  const values = programValues(trained.weights, placement);
  const offsets = testOffsets(placement, test, seed);
  const rows = test
    .slice(0, SHOWN)
    .map((input, i): Tile[] => [
      pictureTile(position, picture, input),
      pictureTile(position, picture, withProgram(input, position, values, placement, { offset: offsets[i] })),
    ]);
  return sheetPng(rows);
}

/** A program alone, in colours: red above the middle of the legal values (or where it adds), blue below; undefined without pictures. */
export function patternTile(
  { trained, placement }: Pick<TestedProgram, 'trained' | 'placement'>,
  prepared: PreparedProgram,
): Tile {
  const { picture } = prepared.descriptor;
  if (picture === undefined) return undefined;
  const shape = programShape(placement, prepared);
  const { height, width, channels, rowStep, columnStep, channelStep } = layoutOf(picture, shape);
  const values = programValues(trained.weights, placement);
  const shown = Float64Array.from({ length: height * width }, (_, pixel) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      const row = Math.floor(pixel / width);
      const i = row * rowStep + (pixel % width) * columnStep + channel * channelStep;
      const middle = placement.mode === 'add' ? 0 : (placement.low[i] + placement.high[i]) / 2;
      if (placement.mask[i] === 1) sum += (values[i] - middle) / channels;
    }
    return sum;
  });
  return mapTile(shown, { height, width });
}
