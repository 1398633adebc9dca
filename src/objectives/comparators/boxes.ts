import { formatNumber, plural } from '../../core/format-number.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import type { SideLabels } from '../class-disagreement.ts';
import type { Detail } from '../objective.ts';
import { argmax, RowReader } from '../output-difference.ts';
import { lastAxisLength, type OutputPair } from '../output-pair.ts';
import { type Box, largestRankShift, type Matching, matchBoxes, nearestBox } from './box-matching.ts';
import type { Comparator, ComparatorKind, Measurement } from './comparator.ts';

const IOU = {
  name: 'iou',
  default: 0.5,
  help: 'minimum intersection over union of matching boxes',
  min: 0,
  max: 1,
} as const;

const SCORE = {
  name: 'score',
  default: 0.5,
  help: 'a box of at least this score needs a match of at least half of it',
  min: Number.NEGATIVE_INFINITY,
  max: Number.POSITIVE_INFINITY,
} as const;

const UNMATCHED = {
  name: 'unmatched',
  default: 0,
  help: 'number of boxes that may have no match',
  min: 0,
  max: Number.POSITIVE_INFINITY,
  integer: true,
} as const;

const PLACES = {
  name: 'places',
  help: 'maximum difference in rank by score; default: any',
  min: 0,
  max: Number.POSITIVE_INFINITY,
  integer: true,
} as const;

const FORMAT = {
  help: 'the four numbers of a box: corners as `xyxy` or, as in TensorFlow, `yxyx`; corner and size `xywh`; centre and size `cxcywh`',
  legal: ['xyxy', 'yxyx', 'xywh', 'cxcywh'],
} as const;

type Format = (typeof FORMAT.legal)[number];

/** The outputs that detections are read from. */
interface BoxOutputs {
  /** `[boxes, 4]`, or `[boxes, 6]` with score and label behind the corners. */
  readonly boxes: OutputPair;
  /** A score for each box, or one for each box and class. */
  readonly scores: OutputPair | undefined;
  readonly labels: OutputPair | undefined;
}

/** Columns of an output that has boxes, scores and labels in one. */
const PACKED_COLUMNS = 6;

/** Detections: boxes with their scores and labels. */
export const boxes: ComparatorKind = {
  name: 'boxes',
  help: 'detections: boxes of one label matched by overlap, and the order of their scores',
  source: 'Lin et al., Microsoft COCO: Common Objects in Context (ECCV 2014)',
  parameters: [IOU, SCORE, UNMATCHED, PLACES],
  words: {
    boxes: { help: 'the output with four numbers for each box' },
    scores: { help: 'the output with scores, for each box or for each box and class' },
    labels: { help: 'the output with labels' },
    format: FORMAT,
  },
  make: (values, { words }) =>
    new BoxComparator(
      {
        iou: values(IOU),
        score: values(SCORE),
        unmatched: values(UNMATCHED),
        places: values(PLACES),
      },
      words,
    ),
};

interface BoxRules {
  readonly iou: number;
  readonly score: number;
  readonly unmatched: number;
  readonly places: number | undefined;
}

type BoxWords = Readonly<Partial<Record<string, string>>>;

class BoxComparator implements Comparator {
  readonly name = 'boxes';
  readonly #rules: BoxRules;
  readonly #words: BoxWords;
  readonly #reader = new BoxReader();

  constructor(rules: BoxRules, words: BoxWords) {
    this.#rules = rules;
    this.#words = words;
  }

  refuses(pairs: readonly OutputPair[]): string | undefined {
    const outputs = findOutputs(pairs, this.#words);
    return typeof outputs === 'string' ? outputs : undefined;
  }

  measure(pairs: readonly OutputPair[], row: number): readonly Measurement[] {
    const outputs = findOutputs(pairs, this.#words);
    if (typeof outputs === 'string') return [];
    const { iou, score, unmatched, places } = this.#rules;
    const format = (this.#words.format ?? 'xyxy') as Format;
    const reference = this.#reader.read(outputs, 'reference', row, format);
    const copy = this.#reader.read(outputs, 'second', row, format);
    const matching = matchBoxes(reference, copy, iou, score);
    const { matches, missing, extra } = matching;
    const output = outputs.boxes.reference.name;
    const describe = (labels: SideLabels) => describeUnmatched(output, matching, { reference, copy }, labels);
    const shift = places === undefined ? 0 : largestRankShift(matches);
    return [
      { distance: missing.length + extra.length, allowed: unmatched, output, describe },
      ...(places === undefined
        ? []
        : [
            {
              distance: shift,
              allowed: places,
              output,
              describe: (labels: SideLabels) => ({
                summary: `a box of ${output} is ranked ${plural(shift, 'place')} differently by score ${labels.second} than ${labels.reference}`,
                details: { places: shift, allowed: places, matched: matches.length },
              }),
            },
          ]),
      // Matched boxes overlap enough; the one that does least says how near they are to being none.
      { distance: 1 - Math.min(1, ...matches.map((match) => match.iou)), allowed: 1 - iou, output, describe },
    ];
  }
}

/** Reads the boxes of rows. */
class BoxReader {
  readonly #boxes = new RowReader();
  readonly #scores = new RowReader();
  readonly #labels = new RowReader();

  read(
    { boxes: pair, scores, labels }: BoxOutputs,
    side: keyof OutputPair,
    row: number,
    format: Format,
  ): Box[] {
    const tensor = pair[side];
    const columns = lastAxisLength(tensor);
    const corners = this.#boxes.read(tensor, row);
    const scoreValues = scores && this.#scores.read(scores[side], row);
    const labelValues = labels && this.#labels.read(labels[side], row);
    const count = corners.length / columns;
    const classes = scoreValues === undefined ? 1 : scoreValues.length / count;
    return Array.from({ length: count }, (_, index) => {
      const at = index * columns;
      const best =
        scoreValues === undefined || classes === 1 ? 0 : argmax(scoreValues, index * classes, classes);
      const packed = columns === PACKED_COLUMNS ? [corners[at + 4], corners[at + 5]] : [1, 0];
      return {
        corners: toCorners(corners[at], corners[at + 1], corners[at + 2], corners[at + 3], format),
        score: scoreValues === undefined ? packed[0] : scoreValues[index * classes + best],
        label: labelValues === undefined ? (classes > 1 ? best : packed[1]) : labelValues[index],
        index,
      };
    });
  }
}

function toCorners(a: number, b: number, c: number, d: number, format: Format): Box['corners'] {
  if (format === 'xywh') return [a, b, a + c, b + d];
  if (format === 'cxcywh') return [a - c / 2, b - d / 2, a + c / 2, b + d / 2];
  return format === 'yxyx' ? [b, a, d, c] : [a, b, c, d];
}

/** The outputs that are named, or those whose shapes fit; why there are none, a clause for people. */
function findOutputs(pairs: readonly OutputPair[], words: BoxWords): BoxOutputs | string {
  const names = pairs.map(({ reference }) => reference.name).join(', ');
  const named = (name: string | undefined): OutputPair | undefined =>
    pairs.find(({ reference }) => reference.name === name);
  const unknown = (['boxes', 'scores', 'labels'] as const).find(
    (role) => words[role] !== undefined && named(words[role]) === undefined,
  );
  if (unknown !== undefined)
    return `has no output ${words[unknown]} for by=boxes:${unknown}=: there are ${names}`;
  const fitting = [4, PACKED_COLUMNS].map((columns) =>
    pairs.filter(({ reference }) => isTableOf(reference, columns)),
  );
  const candidates = fitting[0].length > 0 ? fitting[0] : fitting[1];
  const found = named(words.boxes) ?? (candidates.length === 1 ? candidates[0] : undefined);
  if (found === undefined || !(isTableOf(found.reference, 4) || isTableOf(found.reference, PACKED_COLUMNS)))
    return `needs one output with four numbers for each box, and there are ${names}: name it, as by=boxes:boxes=dets`;
  const count = found.reference.size / lastAxisLength(found.reference);
  if (lastAxisLength(found.reference) === PACKED_COLUMNS)
    return { boxes: found, scores: undefined, labels: undefined };
  const others = pairs.filter((pair) => pair !== found);
  const isFloat = ({ reference }: OutputPair): boolean => DTYPES[reference.type].kind === 'float';
  const labels =
    named(words.labels) ?? others.find((pair) => !isFloat(pair) && pair.reference.size === count);
  const scores =
    named(words.scores) ??
    others.find((pair) => pair !== labels && isFloat(pair) && hasScores(pair.reference, count));
  const unfit = [scores, labels].find((pair) => pair !== undefined && pair.reference.size % count !== 0);
  return unfit === undefined
    ? { boxes: found, scores, labels }
    : `has ${unfit.reference.size} values of ${unfit.reference.name} for ${count} boxes`;
}

function isTableOf({ type, shape, size }: BatchTensor, columns: number): boolean {
  return DTYPES[type].kind === 'float' && shape.length >= 2 && shape.at(-1) === columns && size >= columns;
}

/** Whether there is a value for each box, or for each box and class along the last axis. */
function hasScores(tensor: BatchTensor, count: number): boolean {
  return tensor.size === count || tensor.size === count * lastAxisLength(tensor);
}

function describeUnmatched(
  output: string,
  { matches, missing, extra }: Matching,
  sides: { readonly reference: readonly Box[]; readonly copy: readonly Box[] },
  labels: SideLabels,
): ReturnType<Measurement['describe']> {
  const count = missing.length + extra.length;
  const isMissing = missing.length > 0;
  const [box] = isMissing ? missing : extra;
  const nearest = box && nearestBox(box, isMissing ? sides.copy : sides.reference);
  const [here, there] = isMissing ? [labels.reference, labels.second] : [labels.second, labels.reference];
  const overlap =
    nearest === undefined ? 'none of its label' : `the nearest by ${formatNumber(nearest.iou, 3)}`;
  return {
    summary: `${count === 1 ? `1 box of ${output} has` : `${count} boxes of ${output} have`} no match: box ${box?.index} ${here}, of class ${box?.label} and score ${formatNumber(box?.score ?? 0, 3)}, overlaps ${overlap} ${there}`,
    details: {
      matched: matches.length,
      missing: missing.map(boxDetail),
      extra: extra.map(boxDetail),
    },
  };
}

function boxDetail({ corners, score, label, index }: Box): Detail {
  return { index, label, score, corners: [...corners] };
}
