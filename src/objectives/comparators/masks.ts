import { formatNumber } from '../../core/format-number.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { className } from '../class-name.ts';
import { RowReader } from '../output-difference.ts';
import type { OutputPair } from '../output-pair.ts';
import { type ComparatorKind, chosenPairs, type Measurement, OUTPUT, refuseNone } from './comparator.ts';

const IOU = {
  name: 'iou',
  default: 0.9,
  help: 'minimum mean intersection over union, over the classes that either has',
  min: 0,
  max: 1,
} as const;

const THRESHOLD = {
  name: 'threshold',
  default: 0.5,
  help: 'score above which a pixel is foreground, for outputs of one channel',
  min: Number.NEGATIVE_INFINITY,
  max: Number.POSITIVE_INFINITY,
} as const;

const LAYOUT = {
  help: 'position of the channels: `first` or `last`; default: the smaller of both dimensions',
  legal: ['first', 'last'],
} as const;

const OF = {
  help: '`mean` of the classes, or the `worst` class',
  legal: ['mean', 'worst'],
} as const;

/** Segmentations: a class for each pixel, as whole numbers or as the best of scores for each class. */
export const masks: ComparatorKind = {
  name: 'masks',
  help: 'segmentations, by the intersection over union of their classes',
  source: 'Everingham et al., The Pascal Visual Object Classes Challenge: A Retrospective (IJCV 2015)',
  parameters: [IOU, THRESHOLD],
  words: { output: OUTPUT, layout: LAYOUT, of: OF },
  make(values, { words }) {
    const [bound, threshold] = [values(IOU), values(THRESHOLD)];
    const [referenceReader, copyReader] = [new RowReader(), new RowReader()];
    const fits = ({ shape }: BatchTensor): boolean => shape.length >= 2;
    const choose = (pairs: readonly OutputPair[]) => chosenPairs(pairs, words.output, fits);
    return {
      name: 'masks',
      refuses: (pairs) =>
        refuseNone(choose(pairs), pairs, words.output, 'an output with a value for each pixel'),
      measure: (pairs, row) =>
        choose(pairs).map(({ reference, second }): Measurement => {
          const layout = channelLayout(reference, words.layout);
          const classes = [
            classMap(reference, referenceReader.read(reference, row), layout, threshold),
            classMap(reference, copyReader.read(second, row), layout, threshold),
          ] as const;
          const overlaps = classOverlaps(...classes);
          const worst = overlaps.reduce((a, b) => (b.iou < a.iou ? b : a));
          const mean = overlaps.reduce((sum, { iou }) => sum + iou, 0) / overlaps.length;
          const measured = words.of === 'worst' ? worst.iou : mean;
          return {
            distance: 1 - measured,
            allowed: 1 - bound,
            output: reference.name,
            describe: (labels) => ({
              summary: `the masks of ${reference.name} have a mean overlap of ${formatNumber(mean, 4)} over ${overlaps.length} classes, least in class ${className(reference, worst.classIndex)}: ${worst.reference} pixels ${labels.reference}, ${worst.copy} ${labels.second} and ${worst.both} in both`,
              details: {
                mean,
                least: bound,
                class: worst.classIndex,
                iou: worst.iou,
                pixels: { reference: worst.reference, copy: worst.copy, both: worst.both },
              },
            }),
          };
        }),
    };
  },
};

/** Channels of an output, and whether they are its last axis; one channel for whole numbers and for two axes. */
interface ChannelLayout {
  readonly channels: number;
  readonly isLast: boolean;
}

function channelLayout({ type, shape }: BatchTensor, layout: string | undefined): ChannelLayout {
  const isOneChannel = DTYPES[type].kind !== 'float' || (shape.length < 3 && layout === undefined);
  if (isOneChannel) return { channels: 1, isLast: false };
  const [first, last] = [shape[0], shape[shape.length - 1]];
  const isLast = layout === undefined ? last < first : layout === 'last';
  return { channels: isLast ? last : first, isLast };
}

/** The class of each pixel. */
function classMap(
  { type }: BatchTensor,
  values: Float64Array,
  { channels, isLast }: ChannelLayout,
  threshold: number,
): Int32Array {
  const isFloat = DTYPES[type].kind === 'float';
  if (channels === 1)
    return Int32Array.from(values, (value) => (isFloat ? Number(value > threshold) : value));
  const pixels = values.length / channels;
  const [pixelStep, channelStep] = isLast ? [channels, 1] : [1, pixels];
  return Int32Array.from({ length: pixels }, (_, pixel) => {
    let best = 0;
    for (let channel = 1; channel < channels; channel++)
      if (values[pixel * pixelStep + channel * channelStep] > values[pixel * pixelStep + best * channelStep])
        best = channel;
    return best;
  });
}

/** Pixels of a class in two masks. */
interface ClassOverlap {
  readonly classIndex: number;
  readonly reference: number;
  readonly copy: number;
  readonly both: number;
  /** Intersection over union. */
  readonly iou: number;
}

/** The overlap of each class that one of two masks has, in the order of the classes. */
export function classOverlaps(a: Int32Array, b: Int32Array): ClassOverlap[] {
  const counts = new Map<number, [reference: number, copy: number, both: number]>();
  const countsOf = (classIndex: number): [number, number, number] => {
    const known = counts.get(classIndex);
    if (known !== undefined) return known;
    const fresh: [number, number, number] = [0, 0, 0];
    counts.set(classIndex, fresh);
    return fresh;
  };
  for (let i = 0; i < a.length; i++) {
    countsOf(a[i])[0]++;
    countsOf(b[i])[1]++;
    if (a[i] === b[i]) countsOf(a[i])[2]++;
  }
  return [...counts]
    .sort(([x], [y]) => x - y)
    .map(([classIndex, [reference, copy, both]]) => ({
      classIndex,
      reference,
      copy,
      both,
      iou: both / (reference + copy - both),
    }));
}
