import type { Model, NamedTensor, SecondModel } from '../model/model.ts';
import { DTYPES, readNumber, type Tensor, type TensorData } from '../tensor/tensor.ts';

/** How far the copy has departed from the reference at one tensor. */
export interface LayerDivergence {
  readonly tensor: string;
  /** What the copy calls it. */
  readonly copy: string;
  /** Decibels of the reference's values over the difference; null where there is no difference, or nothing finite. */
  readonly snr: number | null;
}

/** The layers of a pair, in topological order. */
export interface LayerDivergences {
  readonly layers: readonly LayerDivergence[];
  /** Decibels below which a layer counts as departed. */
  readonly bound: number;
  /** The first layer that has; null where none has. */
  readonly first: string | null;
}

/** Below this a tenth of a signal's amplitude is error. */
export const MIN_SNR_DB = 20;

/** Decibels that stand for a signal of zero. */
const SILENT_SNR_DB = -999;

/** Tensors of a first look, and bytes of both models' that are looked at at once. */
const INITIAL_TENSORS_PER_RUN = 4;
const MAX_TENSORS_PER_RUN = 32;
const MAX_BYTES_PER_RUN = 8 << 20;

interface EnergySums {
  signal: number;
  noise: number;
}

/**
 * Goes through both models' tensors, a few at a time, and says of those that belong together how far they differ.
 * They belong together by name; those left by shape, in the order of both graphs.
 *
 * @param batches what the reference takes, and what the copy does, one or more runs
 * @param beat called between runs
 */
export async function measureLayerDivergences(
  reference: Model,
  { model: copy, outputs }: SecondModel,
  batches: readonly (readonly [own: readonly Tensor[], theirs: readonly Tensor[]])[],
  bound = MIN_SNR_DB,
  beat: () => void = () => {},
): Promise<LayerDivergences> {
  const [first] = batches;
  const own = floatTensorsOf(reference);
  const theirs = floatTensorsOf(copy);
  const pairs = new Map<string, string>();
  const isTheirs = new Set(theirs);
  for (const name of own) {
    const named = outputs.get(name) ?? name;
    if (isTheirs.has(named)) pairs.set(name, named);
  }
  const taken = new Set(pairs.values());
  const left = own.filter((name) => !pairs.has(name));
  const others = theirs.filter((name) => !taken.has(name));
  if (left.length > 0 && others.length > 0 && first !== undefined) {
    const shapes = await shapesOf(reference, first[0], left, beat);
    const otherShapes = await shapesOf(copy, first[1], others, beat);
    let from = 0;
    for (const name of left) {
      const at = others.findIndex((other, i) => i >= from && shapes.get(name) === otherShapes.get(other));
      if (at < 0) continue;
      pairs.set(name, others[at]);
      from = at + 1;
    }
  }
  const layers: LayerDivergence[] = [];
  const names = own.filter((name) => pairs.has(name));
  for (let at = 0, some = INITIAL_TENSORS_PER_RUN; at < names.length; ) {
    const part = names.slice(at, at + some);
    const sums = part.map((): EnergySums => ({ signal: 0, noise: 0 }));
    let bytes = 0;
    for (const [ownFeeds, theirFeeds] of batches) {
      const a = (await reference.run(ownFeeds, part)).activations;
      const b = (
        await copy.run(
          theirFeeds,
          part.map((name) => pairs.get(name) as string),
        )
      ).activations;
      part.forEach((_, i) => {
        addEnergies(sums[i], a[i], b[i]);
      });
      bytes = [...a, ...b].reduce((sum, { data }) => sum + data.byteLength, 0);
      beat();
    }
    part.forEach((tensor, i) => {
      layers.push({ tensor, copy: pairs.get(tensor) as string, snr: snrOf(sums[i]) });
    });
    at += part.length;
    some = Math.max(
      1,
      Math.min(MAX_TENSORS_PER_RUN, Math.floor((MAX_BYTES_PER_RUN * part.length) / Math.max(1, bytes))),
    );
  }
  const departed = layers.find(({ snr }) => snr !== null && snr < bound);
  return { layers, bound, first: departed?.tensor ?? null };
}

function floatTensorsOf({ watchable, graph, secondModel: _copy }: Model): string[] {
  return watchable.filter((name) => {
    const type = graph.types.get(name);
    return type === undefined || DTYPES[type].kind === 'float';
  });
}

async function shapesOf(
  model: Model,
  feeds: readonly Tensor[],
  names: readonly string[],
  beat: () => void,
): Promise<Map<string, string>> {
  const shapes = new Map<string, string>();
  for (let from = 0; from < names.length; from += INITIAL_TENSORS_PER_RUN) {
    const { activations } = await model.run(feeds, names.slice(from, from + INITIAL_TENSORS_PER_RUN));
    for (const { name, shape } of activations) shapes.set(name, shape.join());
    beat();
  }
  return shapes;
}

function addEnergies(sums: EnergySums, a: NamedTensor, b: NamedTensor): void {
  if (a.data.length !== b.data.length) {
    sums.noise = Number.NaN;
    return;
  }
  const own = toNumbers(a);
  const other = toNumbers(b);
  for (let i = 0; i < own.length; i++) {
    const value = own[i] as number;
    const off = value - (other[i] as number);
    sums.signal += value * value;
    sums.noise += off * off;
  }
}

function toNumbers({ type, data }: NamedTensor): TensorData | Float64Array {
  return type === 'float32' || type === 'float64'
    ? data
    : Float64Array.from({ length: data.length }, (_, i) => readNumber(type, data, i));
}

function snrOf({ signal, noise }: EnergySums): number | null {
  if (noise === 0 || !Number.isFinite(signal) || !Number.isFinite(noise)) return null;
  // Of nothing but error the ratio is minus infinity, which JSON does not have.
  return Number(Math.max(10 * Math.log10(signal / noise), SILENT_SNR_DB).toPrecision(5));
}
