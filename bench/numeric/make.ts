import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomStream } from '../../src/core/random.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { sizeOf } from '../../src/tensor/tensor.ts';
import { DEFECTS, TFJS_DEFECTS, writeDefect, writeTfjsDefect } from './defects.ts';
import { FINE_DEFECTS, writeFineDefect } from './fine-defects.ts';
import { type Extent, INPUTS, makeScore, type Score } from './score.ts';

/** A model with one planted defect, and its repaired twin. */
export interface NumericModel {
  readonly name: string;
  /** The operation to which its finding must be attributed. */
  readonly site: string;
  readonly path: string;
  readonly twin: string;
  /** Path of its seeds. */
  readonly seeds: string;
  /** Mutants within which every campaign must find it; undefined where time is the limit. */
  readonly mostExecs?: number;
}

/** Seeds of each model. */
const SEEDS = 20;

/** Mutants within which a fine defect must be found. */
const FINE_EXECS = 50_000;

/** Writes seeds within ±`extent`; returns the path. */
async function writeSeeds(
  path: string,
  inputs: readonly { readonly name: string; readonly shape: readonly number[] }[],
  extent: number,
): Promise<string> {
  const random = randomStream('numeric', 'seeds');
  const arrays = inputs.map(({ name, shape }) => {
    const data = Float32Array.from(
      { length: SEEDS * sizeOf(shape) },
      () => 2 * extent * random.uniform() - extent,
    );
    return [name, { type: 'float32', shape: [SEEDS, ...shape], data }] as const;
  });
  await writeFile(path, encodeNpz(arrays));
  return path;
}

/**
 * Writes the models and their seeds, equal on every machine.
 *
 * @param names of the models to write; by default all
 * @param cache file for the measured extents of the scores, which take seconds each
 */
export async function makeNumericModels(
  folder: string,
  names: readonly string[],
  cache: string,
): Promise<readonly NumericModel[]> {
  await mkdir(folder, { recursive: true });
  const seeds = await writeSeeds(join(folder, 'seeds.npz'), [{ name: 'x', shape: [INPUTS] }], 0.3);
  const isAsked = ({ name }: { readonly name: string }): boolean =>
    names.length === 0 || names.includes(name);
  const models: NumericModel[] = [];
  const known: Record<string, Extent> = existsSync(cache) ? JSON.parse(await readFile(cache, 'utf8')) : {};
  const scoreOf = (name: string): Score => {
    const { score, extent } = makeScore(name, known[name]);
    known[name] = extent;
    return score;
  };
  for (const defect of DEFECTS.filter(isAsked)) {
    const score = scoreOf(defect.name);
    const [path, twin] = ['', '-repaired'].map((kind) => join(folder, `${defect.name}${kind}.onnx`));
    await writeFile(path, writeDefect(defect, score, false));
    await writeFile(twin, writeDefect(defect, score, true));
    models.push({ name: defect.name, site: defect.site, path, twin, seeds });
  }
  for (const defect of TFJS_DEFECTS.filter(isAsked)) {
    const score = scoreOf(defect.name);
    const paths: string[] = [];
    for (const repaired of [false, true]) {
      const path = join(folder, `${defect.name}${repaired ? '-repaired' : ''}`);
      const { json, weightFile, weights } = writeTfjsDefect(defect, score, repaired);
      await mkdir(path, { recursive: true });
      await writeFile(join(path, 'model.json'), json);
      await writeFile(join(path, weightFile), weights);
      paths.push(join(path, 'model.json'));
    }
    models.push({ name: defect.name, site: defect.site, path: paths[0], twin: paths[1], seeds });
  }
  await mkdir(dirname(cache), { recursive: true });
  await writeFile(cache, JSON.stringify(known));
  for (const defect of FINE_DEFECTS.filter(isAsked)) {
    const { name, site, inputs } = defect;
    const [path, twin] = ['', '-repaired'].map((kind) => join(folder, `${name}${kind}.onnx`));
    await writeFile(path, writeFineDefect(defect, false));
    await writeFile(twin, writeFineDefect(defect, true));
    const own = await writeSeeds(join(folder, `${name}-seeds.npz`), inputs, 1);
    models.push({ name, site, path, twin, seeds: own, mostExecs: FINE_EXECS });
  }
  return models;
}
