import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomStream } from '../../src/core/random.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { DEFECTS, TFJS_DEFECTS, writeDefect, writeTfjsDefect } from './defects.ts';
import { type Extent, INPUTS, makeScore, type Score } from './score.ts';

/** A model with one planted defect, and its repaired twin. */
export interface NumericModel {
  readonly name: string;
  /** The operation to which its finding must be attributed. */
  readonly site: string;
  readonly path: string;
  readonly twin: string;
  /** Maximum score over a million noise samples, and after gradient ascent; the model fails at 1. */
  readonly noise: number;
  readonly most: number;
}

/** Seeds of all models. */
const SEEDS = 20;

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
): Promise<{ readonly models: readonly NumericModel[]; readonly seeds: string }> {
  await mkdir(folder, { recursive: true });
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
    models.push({ name: defect.name, site: defect.site, path, twin, noise: score.noise, most: score.most });
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
    models.push({
      name: defect.name,
      site: defect.site,
      path: paths[0],
      twin: paths[1],
      noise: score.noise,
      most: score.most,
    });
  }
  await mkdir(dirname(cache), { recursive: true });
  await writeFile(cache, JSON.stringify(known));
  const random = randomStream('numeric', 'seeds');
  const data = Float32Array.from({ length: SEEDS * INPUTS }, () => 0.6 * random.uniform() - 0.3);
  const seeds = join(folder, 'seeds.npz');
  await writeFile(seeds, encodeNpz([['x', { type: 'float32', shape: [SEEDS, INPUTS], data }]]));
  return { models, seeds };
}
