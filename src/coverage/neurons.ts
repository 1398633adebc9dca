import type { BatchResult, BatchTensor } from '../model/batched-model.ts';
import { readNumber } from '../tensor/tensor.ts';

/** Axis that the feature maps of an activation lie along: the first one in ONNX, the last one in TensorFlow. */
export type ChannelAxis = 'first' | 'last';

/** The axis in models of a format, such as `onnx` or `tfjs-layers`. */
export function channelAxis(format: string): ChannelAxis {
  return format === 'onnx' ? 'first' : 'last';
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
export function neuronValues({ rows, activations }: BatchResult, channels: ChannelAxis): NeuronValues {
  let width = 0;
  const layers = activations.map((tensor) => {
    const layer = { name: tensor.name, from: width, count: mapsOf(tensor, channels).maps };
    width += layer.count;
    return layer;
  });
  const values = new Float32Array(rows * width);
  activations.forEach((tensor, i) => {
    const { maps, stride, step } = mapsOf(tensor, channels);
    const { from } = layers[i];
    for (let row = 0; row < rows; row++)
      averageMaps(tensor, row, { maps, stride, step }, values, row * width + from);
  });
  return { rows, width, layers, values };
}

interface MapLayout {
  readonly maps: number;
  /** Distance between the first values of two maps, and between two values of one. */
  readonly stride: number;
  readonly step: number;
}

function mapsOf({ shape, size }: BatchTensor, channels: ChannelAxis): MapLayout {
  if (shape.length < 2) return { maps: size, stride: 1, step: 1 };
  const axis = shape.length === 2 || channels === 'last' ? shape.length - 1 : 0;
  const maps = shape[axis];
  if (axis > 0) return { maps, stride: 1, step: maps };
  return { maps, stride: maps === 0 ? 0 : size / maps, step: 1 };
}

function averageMaps(
  { type, size, data }: BatchTensor,
  row: number,
  { maps, stride, step }: MapLayout,
  means: Float32Array,
  offset: number,
): void {
  const count = maps === 0 ? 0 : size / maps;
  const isFloat32 = data instanceof Float32Array;
  for (let map = 0; map < maps; map++) {
    let sum = 0;
    let at = row * size + map * stride;
    for (let i = 0; i < count; i++, at += step) sum += isFloat32 ? data[at] : readNumber(type, data, at);
    means[offset + map] = sum / count;
  }
}
