import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeadWeights } from '../../analysis/attention/head-statistics.ts';
import { centreOf, type Grid, placeGrid } from '../../analysis/attention/places.ts';
import { isMachineFailure, MachineError, systemReason, UserError } from '../../core/errors.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { heatMapSvg } from '../../saliency/heat-map.ts';
import { overlayTile, pictureTile, sheetPng, type Tile } from '../../saliency/sheet.ts';
import { encodeNpz } from '../../tensor/npz.ts';
import { readNumber, type Tensor } from '../../tensor/tensor.ts';
import { type AttentionWeights, pictureSides } from './attention.ts';

/** Names of the files that are written. */
const FILES = /^(?:attention\.npz|input-\d+-block-\d+\.(?:png|svg))$/;

/** Most queries of a picture that are drawn, and places of a heat map. */
const MAX_QUERIES = 5;
const MAX_PLACES = 64;

/**
 * Checks that maps of attention can be written to a folder.
 *
 * @throws UserError where it holds maps that may not be replaced, or is a file
 */
export async function checkAttentionFolder(folder: string, overwrite: boolean): Promise<void> {
  const [first] = await filesIn(folder);
  if (first !== undefined && !overwrite)
    throw new UserError(
      `--out: ${folder} holds other maps (${first}): name another folder, or replace them with --overwrite`,
    );
}

/** The files of maps in a folder; none where there is no folder yet. */
async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => FILES.test(name)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw cannotWrite(folder, error);
  }
}

function cannotWrite(folder: string, error: unknown): UserError | MachineError {
  const text = `--out: cannot write to ${folder}: ${systemReason(error)}`;
  return isMachineFailure(error) ? new MachineError(text) : new UserError(text);
}

/**
 * Writes `attention.npz`, an array `[input, head, query, key]` for each block, and for each input and block a picture: of inputs that are
 * pictures, the queries with the lowest entropy and the map of each over the picture, of others a heat map with their words. Maps
 * that the folder held are removed.
 *
 * @param names of the blocks
 * @throws UserError where the folder cannot be written
 * @throws MachineError where the disk is full or fails
 */
export async function writeAttention(
  folder: string,
  names: readonly string[],
  found: AttentionWeights,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const name of await filesIn(folder)) await rm(join(folder, name));
    await writeFile(
      join(folder, 'attention.npz'),
      encodeNpz(names.map((name, n) => [name, stacked(found, n)])),
    );
    for (const [input, seed] of found.seeds.entries())
      for (const block of names.keys()) {
        const path = join(folder, `input-${input}-block-${block}`);
        const sheet = await pictureSheet(seed, found.weights[input][block], found);
        if (sheet !== undefined) await writeFile(`${path}.png`, sheet);
        else await writeFile(`${path}.svg`, heatMap(seed, found.weights[input][block], found));
      }
  } catch (error) {
    throw error instanceof UserError ? error : cannotWrite(folder, error);
  }
}

/** The weights of a block `[input, head, query, key]`, of the inputs as long as the first. */
function stacked({ weights }: AttentionWeights, block: number): Tensor {
  const [first] = weights;
  const { heads, queries, keys } = first[block];
  const alike = weights.map((of) => of[block]).filter((of) => of.queries === queries && of.keys === keys);
  const data = new Float32Array(alike.length * heads * queries * keys);
  alike.forEach((of, i) => void data.set(of.values, i * heads * queries * keys));
  return { type: 'float32', shape: [alike.length, heads, queries, keys], data };
}

/** The mean of the heads, `[queries, keys]`. */
export function meanOfHeads({ heads, queries, keys, values }: HeadWeights): Float64Array {
  const mean = new Float64Array(queries * keys);
  for (let i = 0; i < values.length; i++) mean[i % mean.length] += values[i] / heads;
  return mean;
}

/** Queries by the entropy of their weights, the lowest first; those without numbers are left out. */
function sharpestQueries(mean: Float64Array, { queries, keys }: HeadWeights, grid: Grid): number[] {
  const entropies = Array.from({ length: queries }, (_, query) => {
    let entropy = 0;
    for (let key = 0; key < keys; key++) {
      const weight = mean[query * keys + key];
      if (weight !== 0) entropy -= weight * Math.log(weight);
    }
    return { query, entropy };
  });
  return entropies
    .filter(({ query, entropy }) => query >= grid.before && Number.isFinite(entropy))
    .sort((a, b) => a.entropy - b.entropy || a.query - b.query)
    .slice(0, MAX_QUERIES)
    .map(({ query }) => query);
}

/** A sheet with a row for each query; undefined where the input is no picture, or its places are no map of it. */
async function pictureSheet(
  seed: TestcaseData,
  weights: HeadWeights,
  { descriptors }: AttentionWeights,
): Promise<Uint8Array | undefined> {
  const sides = pictureSides(seed, descriptors);
  const input = descriptors.findIndex(({ picture }) => picture !== undefined);
  const { queryGrid, keyGrid } = placeGrid(weights.queries, weights.keys, sides);
  const format = descriptors[input]?.picture;
  if (sides === undefined || format === undefined || queryGrid === undefined || keyGrid === undefined)
    return undefined;
  const picture = pictureTile(input, format, seed);
  const mean = meanOfHeads(weights);
  const rows = sharpestQueries(mean, weights, queryGrid).map((query): Tile[] => {
    const places = mean.subarray(query * weights.keys + keyGrid.before, (query + 1) * weights.keys);
    const centre = centreOf(query, queryGrid, sides);
    return [picture, overlayTile(picture, { ...keyGrid, values: places }, centre)];
  });
  return rows.length === 0 ? undefined : sheetPng(rows);
}

/** A heat map of the mean of the heads, with words or numbers of the places. */
function heatMap(seed: TestcaseData, weights: HeadWeights, { descriptors }: AttentionWeights): string {
  const input = descriptors.findIndex(({ tokens }) => tokens !== undefined);
  const words = (count: number): string[] =>
    Array.from({ length: Math.min(count, MAX_PLACES) }, (_, place) => {
      const form = seed.form.inputs[input];
      if (form === undefined || place >= form.size) return `${place}`;
      const id = readNumber(form.type, seed.inputs[input], place);
      return descriptors[input].tokens?.vocabulary?.[id] ?? `${id}`;
    });
  return heatMapSvg(meanOfHeads(weights), weights.keys, words(weights.queries), words(weights.keys));
}
