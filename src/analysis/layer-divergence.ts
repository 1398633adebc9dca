import { formatNumber, plural } from '../core/format-number.ts';
import { producersByTensor } from '../model/graph/graph.ts';
import type { Model, NamedTensor, SecondModel } from '../model/model.ts';
import { DTYPES, readNumber, type Tensor } from '../tensor/tensor.ts';
import { ChunkSize } from './tensor-chunks.ts';

/** Difference between the two models of a pair at one tensor. */
export interface LayerDivergence {
  readonly tensor: string;
  /** The second model's name for it. */
  readonly copy: string;
  /**
   * Signal-to-noise ratio in dB, the reference's values over the difference; null if there is no difference, or nothing that
   * can be compared. -999 where one of the two holds a value that is not finite and the other does not: there is no larger
   * difference.
   */
  readonly snr: number | null;
  /** Number of such values; absent for none. */
  readonly nonFinite?: number;
}

/** Differences between the layers of a pair, in topological order. */
export interface LayerDivergences {
  readonly layers: readonly LayerDivergence[];
  /** Signal-to-noise ratio in dB below which a layer counts as diverged. */
  readonly bound: number;
  /** The first diverged layer; null if there is none. */
  readonly first: string | null;
  /** The reference's operation that computes that layer, such as `Pow`; absent where none is known. */
  readonly operation?: string;
}

/** The first diverged layer with its operation, as `sq (Pow)`; undefined if there is none. */
export function firstDivergence({ first, operation }: LayerDivergences): string | undefined {
  if (first === null) return undefined;
  return operation === undefined ? first : `${first} (${operation})`;
}

/** How far two layers lie apart, for people. */
export function divergenceText({ snr, nonFinite = 0 }: Omit<LayerDivergence, 'tensor' | 'copy'>): string {
  if (nonFinite > 0) return `${plural(nonFinite, 'value')} not finite in one of the two`;
  return snr === null ? 'no difference' : `${formatNumber(snr, 4)} dB`;
}

/** Signal-to-noise ratio in dB below which a tenth of a signal's amplitude is error. */
export const MIN_SNR_DB = 20;

/** Stands for −∞ dB, which JSON does not have: the ratio of a zero signal, and of values that are finite in one model alone. */
const SILENT_SNR_DB = -999;

const MAX_TENSORS_PER_RUN = 32;

/** Tensors of one run for shapes alone. */
const SHAPES_PER_RUN = 4;

/** Feeds of one run for both models. */
type PairFeeds = readonly [reference: readonly Tensor[], second: readonly Tensor[]];

interface EnergySums {
  signal: number;
  noise: number;
  /** Values that are finite in one model alone, or not finite in another way. */
  nonFinite: number;
}

/**
 * Measures how far two models differ, tensor by tensor. Tensors are matched by name, and the remaining ones by shape, in
 * the order of both graphs.
 *
 * @param batches feeds of one or more runs
 * @param bound signal-to-noise ratio in dB below which a layer counts as diverged
 * @param beat called between runs, with the share of the work that is done
 */
export async function measureLayerDivergences(
  reference: Model,
  secondModel: SecondModel,
  batches: readonly PairFeeds[],
  bound = MIN_SNR_DB,
  beat: (share: number) => void = () => {},
): Promise<LayerDivergences> {
  const pairs = await matchTensors(reference, secondModel, batches, () => beat(0));
  const layers: LayerDivergence[] = [];
  const chunk = new ChunkSize(MAX_TENSORS_PER_RUN);
  while (layers.length < pairs.length) {
    const part = pairs.slice(layers.length, layers.length + chunk.tensors);
    const sums = part.map((): EnergySums => ({ signal: 0, noise: 0, nonFinite: 0 }));
    let bytes = 0;
    for (const [run, [referenceFeeds, secondFeeds]] of batches.entries()) {
      const { activations: referenceTensors } = await reference.run(
        referenceFeeds,
        part.map(({ tensor }) => tensor),
      );
      const { activations: secondTensors } = await secondModel.model.run(
        secondFeeds,
        part.map(({ copy }) => copy),
      );
      sums.forEach((sum, i) => {
        addEnergies(sum, referenceTensors[i], secondTensors[i]);
      });
      bytes = [...referenceTensors, ...secondTensors].reduce((sum, { data }) => sum + data.byteLength, 0);
      beat((layers.length + (part.length * (run + 1)) / batches.length) / pairs.length);
    }
    part.forEach(({ tensor, copy }, i) => {
      const { nonFinite } = sums[i];
      layers.push({ tensor, copy, snr: snrOf(sums[i]), ...(nonFinite === 0 ? {} : { nonFinite }) });
    });
    chunk.adapt(bytes, part.length);
  }
  const diverged = layers.find(({ snr }) => snr !== null && snr < bound);
  const producer = diverged && producersByTensor(reference.graph).get(diverged.tensor);
  return {
    layers,
    bound,
    first: diverged?.tensor ?? null,
    ...(producer === undefined ? {} : { operation: producer.op }),
  };
}

/** Tensors of both models that belong together, in the reference's order. */
async function matchTensors(
  reference: Model,
  { model: second, outputs }: SecondModel,
  [firstBatch]: readonly PairFeeds[],
  beat: () => void,
): Promise<Pick<LayerDivergence, 'tensor' | 'copy'>[]> {
  const names = floatTensorsOf(reference);
  const secondNames = floatTensorsOf(second);
  const pairs = new Map<string, string>();
  const known = new Set(secondNames);
  for (const name of names) {
    const secondName = outputs.get(name) ?? name;
    if (known.has(secondName)) pairs.set(name, secondName);
  }
  const matched = new Set(pairs.values());
  const unmatched = names.filter((name) => !pairs.has(name));
  const unmatchedInSecond = secondNames.filter((name) => !matched.has(name));
  if (unmatched.length > 0 && unmatchedInSecond.length > 0 && firstBatch !== undefined) {
    const [referenceFeeds, secondFeeds] = firstBatch;
    const shapes = await shapesOf(reference, referenceFeeds, unmatched, beat);
    const secondShapes = await shapesOf(second, secondFeeds, unmatchedInSecond, beat);
    let from = 0;
    for (const name of unmatched) {
      const index = unmatchedInSecond.findIndex(
        (secondName, i) => i >= from && shapes.get(name) === secondShapes.get(secondName),
      );
      if (index < 0) continue;
      pairs.set(name, unmatchedInSecond[index]);
      from = index + 1;
    }
  }
  return names.flatMap((tensor) => {
    const copy = pairs.get(tensor);
    return copy === undefined ? [] : [{ tensor, copy }];
  });
}

function floatTensorsOf({ watchable, graph }: Model): string[] {
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
): Promise<ReadonlyMap<string, string>> {
  const shapes = new Map<string, string>();
  for (let from = 0; from < names.length; from += SHAPES_PER_RUN) {
    const { activations } = await model.run(feeds, names.slice(from, from + SHAPES_PER_RUN));
    for (const { name, shape } of activations) shapes.set(name, shape.join());
    beat();
  }
  return shapes;
}

function addEnergies(sums: EnergySums, reference: NamedTensor, copy: NamedTensor): void {
  if (reference.data.length !== copy.data.length) {
    sums.noise = Number.NaN;
    return;
  }
  const values = toNumbers(reference);
  const secondValues = toNumbers(copy);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const second = secondValues[i];
    if (!Number.isFinite(value) || !Number.isFinite(second)) {
      if (!Object.is(value, second)) sums.nonFinite++;
      continue;
    }
    const error = value - second;
    sums.signal += value * value;
    sums.noise += error * error;
  }
}

function toNumbers({ type, data }: NamedTensor): Float32Array | Float64Array {
  return data instanceof Float32Array || data instanceof Float64Array
    ? data
    : Float64Array.from({ length: data.length }, (_, i) => readNumber(type, data, i));
}

function snrOf({ signal, noise, nonFinite }: EnergySums): number | null {
  if (nonFinite > 0) return SILENT_SNR_DB;
  if (noise === 0 || !Number.isFinite(signal) || !Number.isFinite(noise)) return null;
  return Number(Math.max(10 * Math.log10(signal / noise), SILENT_SNR_DB).toPrecision(5));
}
