import { UserError } from '../core/errors.ts';
import { batchLayout } from '../model/batch-axis.ts';
import type { BatchResult, BatchTensor } from '../model/batched-model.ts';
import { findNeuronAxes, type NeuronAxes } from '../model/graph/neuron-axes.ts';
import type { Model } from '../model/model.ts';
import { readNumber } from '../tensor/tensor.ts';

/** Axis that the feature maps of an activation lie along: the first one in ONNX, the last one in TensorFlow. */
export type ChannelAxis = 'first' | 'last';

/** Where the neurons of activations lie. */
export interface NeuronLayout {
  /** Axis of the feature maps in activations with three axes or more. */
  readonly channels: ChannelAxis;
  /** What is known of tensors by name, and not by their number of axes. */
  readonly axes?: ReadonlyMap<string, NeuronAxes>;
  /** Whether a testcase is the whole input, so that tensors keep the axis of a batch, which is 1. */
  readonly isWhole?: boolean;
}

/** The layout of what knows nothing of its model: that of ONNX. */
export const DEFAULT_LAYOUT: NeuronLayout = { channels: 'first' };

/** Where neurons lie in a model's activations. */
export function neuronLayout({
  format,
  graph,
  inputs,
  capabilities: { mapMeans },
}: Pick<Model, 'format' | 'graph' | 'inputs' | 'capabilities'>): NeuronLayout {
  const isWhole = batchLayout(inputs).axis === 'none';
  if (format !== 'onnx') return { channels: 'last', isWhole };
  const axes = new Map(findNeuronAxes(graph));
  for (const name of [...axes.keys()]) {
    const mean = mapMeans?.meanOf(name);
    if (mean !== undefined) axes.set(mean, 'maps');
  }
  return { channels: 'first', axes, isWhole };
}

/** The neurons of one watched tensor: positions in an observation. */
export interface NeuronLayer {
  /** Name of the tensor. */
  readonly name: string;
  readonly from: number;
  readonly count: number;
}

/** What the neurons of the watched tensors gave in a run. */
export interface NeuronValues {
  readonly rows: number;
  /** Neurons of all layers. */
  readonly width: number;
  readonly layers: readonly NeuronLayer[];
  /** `[rows, width]` */
  readonly values: Float32Array;
}

/**
 * Values of neurons. A feature map is one neuron, whose value is its mean, as in DeepXplore (Pei et al., SOSP 2017, section
 * 4.1) and DeepGauge (Ma et al., ASE 2018). So is a hidden unit of a sequence: its mean over the positions. The number of
 * neurons does not depend on the size of a picture or the length of a sequence.
 */
export function neuronValues({ rows, activations }: BatchResult, layout: NeuronLayout): NeuronValues {
  let width = 0;
  const layers = activations.map((tensor) => {
    const layer = { name: tensor.name, from: width, count: mapsOf(tensor, layout).maps };
    width += layer.count;
    return layer;
  });
  const values = new Float32Array(rows * width);
  activations.forEach((tensor, i) => {
    averageMaps(tensor, rows, mapsOf(tensor, layout), { values, width, from: layers[i].from });
  });
  return { rows, width, layers, values };
}

/**
 * Reads the values of neurons from the runs of one model.
 *
 * @returns as `neuronValues`; throws UserError where a tensor has another number of neurons than in the first run
 */
export function neuronReader(layout: NeuronLayout): (result: BatchResult) => NeuronValues {
  let known: readonly NeuronLayer[] | undefined;
  return (result) => {
    const run = neuronValues(result, layout);
    known ??= run.layers;
    const other = run.layers.findIndex(({ count }, i) => count !== known?.[i].count);
    if (other >= 0)
      throw new UserError(
        `--coverage: the size of ${run.layers[other].name} depends on that of the input, so that it has ${known[other].count} or ${run.layers[other].count} neurons; choose other tensors`,
      );
    return run;
  };
}

interface MapLayout {
  readonly maps: number;
  /** Distance between the first values of two maps, and between two values of one. */
  readonly stride: number;
  readonly step: number;
}

/** Where the means of a tensor's maps go: `[rows, width]`, from a position on. */
interface MeansTarget {
  readonly values: Float32Array;
  readonly width: number;
  readonly from: number;
}

function mapsOf(
  { name, shape: given, size }: BatchTensor,
  { channels, axes, isWhole = false }: NeuronLayout,
): MapLayout {
  const shape = isWhole && given[0] === 1 ? given.slice(1) : given;
  if (shape.length < 2) return { maps: size, stride: 1, step: 1 };
  const areLast = shape.length === 2 || channels === 'last';
  switch (axes?.get(name) ?? (areLast ? 'last' : 'maps')) {
    case 'maps':
      return { maps: shape[0], stride: shape[0] === 0 ? 0 : size / shape[0], step: 1 };
    case 'last':
      return interleaved(shape[shape.length - 1]);
    case 'units':
      return interleaved(shape.slice(1).reduce((product, length) => product * length, 1));
  }
}

/** Units whose values at one position follow one another. */
function interleaved(units: number): MapLayout {
  return { maps: units, stride: 1, step: units };
}

/** Means of a tensor's maps in all rows. */
function averageMaps(
  { type, size, data }: BatchTensor,
  rows: number,
  { maps, stride, step }: MapLayout,
  { values, width, from }: MeansTarget,
): void {
  const count = maps === 0 ? 0 : size / maps;
  const numbers =
    data instanceof Float32Array
      ? data
      : Float64Array.from({ length: rows * size }, (_, at) => readNumber(type, data, at));
  const sums = new Float64Array(maps);
  for (let row = 0; row < rows; row++) {
    if (step === 1)
      for (let map = 0; map < maps; map++) sums[map] = sumOf(numbers, row * size + map * stride, count);
    else addUpColumns(numbers, row * size, count, sums);
    for (let map = 0; map < maps; map++) values[row * width + from + map] = sums[map] / count;
  }
}

/** Sum of values that follow one another. Four partial sums, so that an addition need not wait for the one before it. */
function sumOf(numbers: Float32Array | Float64Array, from: number, count: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let at = from;
  for (const end = from + count - (count % 4); at < end; at += 4) {
    a += numbers[at];
    b += numbers[at + 1];
    c += numbers[at + 2];
    d += numbers[at + 3];
  }
  for (const end = from + count; at < end; at++) a += numbers[at];
  return a + b + (c + d);
}

/** Sums of maps whose values alternate, in the order of memory. */
function addUpColumns(
  numbers: Float32Array | Float64Array,
  from: number,
  count: number,
  sums: Float64Array,
): void {
  sums.fill(0);
  for (let i = 0, at = from; i < count; i++)
    for (let map = 0; map < sums.length; map++, at++) sums[map] += numbers[at];
}
