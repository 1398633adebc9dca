/** A detected object. */
export interface Box {
  /** Left, top, right and bottom. */
  readonly corners: readonly [x1: number, y1: number, x2: number, y2: number];
  readonly score: number;
  readonly label: number;
  /** Its place in the output. */
  readonly index: number;
}

/** Two boxes that are the same object. */
export interface BoxMatch {
  readonly reference: Box;
  readonly copy: Box;
  readonly iou: number;
}

/** The boxes of two runs, matched. */
export interface Matching {
  readonly matches: readonly BoxMatch[];
  /** Boxes of one side that must be found on the other and are not. */
  readonly missing: readonly Box[];
  readonly extra: readonly Box[];
}

/** A box counts as found where the other side has it with at least this share of the score that is asked of it. */
const CANDIDATE_SHARE = 0.5;

/**
 * Matches the boxes of two runs as detectors are evaluated (Lin et al., Microsoft COCO, ECCV 2014): by falling score each box takes
 * the free one of its label that overlaps it most, if by `minIou` at least. Boxes of at least `minScore` must be found; those of at
 * least half of that may be what is found, so that a score that crosses the bound loses no box.
 */
export function matchBoxes(
  reference: readonly Box[],
  copy: readonly Box[],
  minIou: number,
  minScore: number,
): Matching {
  const matches: BoxMatch[] = [];
  const taken = new Set<Box>();
  const free = (boxes: readonly Box[]): Box[] =>
    boxes.filter((box) => box.score >= CANDIDATE_SHARE * minScore && !taken.has(box));
  const demanding = (boxes: readonly Box[]): Box[] =>
    boxes
      .filter((box) => box.score >= minScore && !taken.has(box))
      .sort((x, y) => y.score - x.score || x.index - y.index);
  const matchAll = (wanted: readonly Box[], others: readonly Box[], isReference: boolean): Box[] =>
    wanted.filter((box) => {
      const nearest = nearestBox(box, free(others));
      if (nearest === undefined || nearest.iou < minIou) return true;
      taken.add(box).add(nearest.box);
      const { iou, box: other } = nearest;
      matches.push(isReference ? { reference: box, copy: other, iou } : { reference: other, copy: box, iou });
      return false;
    });
  const missing = matchAll(demanding(reference), copy, true);
  return { matches, missing, extra: matchAll(demanding(copy), reference, false) };
}

/** The box of the same label that overlaps most; undefined where there is none. */
export function nearestBox(
  box: Box,
  others: readonly Box[],
): { readonly box: Box; readonly iou: number } | undefined {
  let nearest: { readonly box: Box; readonly iou: number } | undefined;
  for (const other of others) {
    if (other.label !== box.label) continue;
    const iou = intersectionOverUnion(box, other);
    if (nearest === undefined || iou > nearest.iou) nearest = { box: other, iou };
  }
  return nearest;
}

/** Intersection over union of two boxes, from 0 to 1; 1 for equal ones without an area. */
export function intersectionOverUnion(
  { corners: a }: Pick<Box, 'corners'>,
  { corners: b }: Pick<Box, 'corners'>,
): number {
  const overlap = (low: number, high: number): number =>
    Math.max(0, Math.min(a[high], b[high]) - Math.max(a[low], b[low]));
  const area = ([x1, y1, x2, y2]: Box['corners']): number => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
  const intersection = overlap(0, 2) * overlap(1, 3);
  const union = area(a) + area(b) - intersection;
  if (union > 0) return intersection / union;
  return a.every((value, i) => value === b[i]) ? 1 : 0;
}

/** The largest number of places by which a matched box lies elsewhere in the order of scores. */
export function largestRankShift(matches: readonly BoxMatch[]): number {
  const ranked = (side: 'reference' | 'copy'): BoxMatch[] =>
    [...matches].sort((x, y) => y[side].score - x[side].score || x[side].index - y[side].index);
  const places = new Map(ranked('copy').map((match, place) => [match, place]));
  return ranked('reference').reduce(
    (most, match, place) => Math.max(most, Math.abs(place - (places.get(match) ?? place))),
    0,
  );
}
