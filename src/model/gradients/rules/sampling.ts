import { sizeOf } from '../../../tensor/tensor.ts';
import { type Differentiation, integerOf, type Rule, textOf, upstreamOf } from '../rule.ts';
import type { TensorWriter, Value } from '../tensor-writer.ts';

/** A coordinate of all sampled points, in values of the input's axis. */
interface Coordinate {
  /** `[batch, points]`. */
  readonly position: Value;
  /** Derivative of the position by the grid's number: a constant, 0 where it is held at the border. */
  readonly slope: Value;
  readonly size: number;
}

/** One of the neighbours of a point along an axis. */
interface Neighbour {
  readonly index: Value;
  readonly weight: Value;
  /** Of the weight by the position: −1 for the lower neighbour, 1 for the upper one. */
  readonly slope: number;
  /** Booleans. */
  readonly isInside: Value;
}

/**
 * Bilinear sampling of images at points (Jaderberg et al. 2015, spatial transformers): values are sums of four neighbours, weighted
 * by how near they are. The gradient at the image is spread by the same weights; that at the grid is the difference of neighbours.
 */
const gridSample: Rule = (at) => {
  const mode = textOf(at, 'mode', 'linear');
  const padding = textOf(at, 'padding_mode', 'zeros');
  const shape = at.inputShape(0);
  if (!['linear', 'bilinear'].includes(mode) || padding === 'reflection' || shape.length !== 4)
    return undefined;
  const { writer: w } = at;
  const [batch, channels, height, width] = shape;
  const points = sizeOf(at.outputShape(0).slice(2));
  const g = w.reshape(upstreamOf(at), [batch, channels, points]);
  const image = w.reshape(at.operand(0), [batch, channels, height * width]);
  const [x, y] = [width, height].map((size, i) => coordinateOf(at, i, size, points, padding === 'border'));
  let gImage: Value | undefined;
  const gGrid: (Value | undefined)[] = [undefined, undefined];
  const plus = (a: Value | undefined, b: Value): Value => (a === undefined ? b : w.add(a, b));
  for (const row of neighboursOf(w, y))
    for (const column of neighboursOf(w, x)) {
      const index = w.add(w.scale(row.index, width), column.index);
      const flat = w.reshape(w.toInteger(index), [batch, 1, points]);
      const indices = w.node(
        'Expand',
        [flat, w.integers([batch, channels, points])],
        [batch, channels, points],
      );
      if (at.wants(0)) {
        const weight = w.reshape(w.mul(row.weight, column.weight), [batch, 1, points]);
        gImage = plus(gImage, w.scatterElementsAdd(image.shape, indices, w.mul(g, weight), 2));
      }
      if (!at.wants(1)) continue;
      const taken = w.node('GatherElements', [image, indices], g.shape, { axis: 2 });
      const share = w.reshape(w.reduceSum(w.mul(g, taken), [1]), [batch, points]);
      gGrid[0] = plus(gGrid[0], w.scale(w.mul(share, slopeOf(w, column, row)), column.slope));
      gGrid[1] = plus(gGrid[1], w.scale(w.mul(share, slopeOf(w, row, column)), row.slope));
    }
  const columns = [x, y].flatMap(({ slope }, i) => {
    const part = gGrid[i];
    return part === undefined ? [] : [w.reshape(w.mul(part, slope), [batch, points, 1])];
  });
  return [
    gImage && w.reshape(gImage, shape),
    columns.length === 0 ? undefined : w.reshape(w.concat(columns, 2), at.inputShape(1)),
  ];
};

/** What the weight of a neighbour changes by along its axis: the other axis' weight, where the neighbour lies in the image. */
function slopeOf(w: TensorWriter, { isInside }: Neighbour, other: Neighbour): Value {
  return w.mask(isInside, other.weight);
}

function coordinateOf(
  at: Differentiation,
  axis: number,
  size: number,
  points: number,
  isHeld: boolean,
): Coordinate {
  const { writer: w } = at;
  const [batch] = at.inputShape(0);
  const grid = w.reshape(at.operand(1), [batch, points, 2]);
  const raw = w.reshape(w.slice(grid, 2, axis, axis + 1), [batch, points]);
  const aligns = integerOf(at, 'align_corners', 0) !== 0;
  const slope = aligns ? (size - 1) / 2 : size / 2;
  const position = w.add(w.scale(w.add(raw, w.scalar(1)), slope), w.scalar(aligns ? 0 : -0.5));
  if (!isHeld) return { position, slope: w.scalar(slope), size };
  const isLow = w.compare('Less', position, w.scalar(0));
  const isHigh = w.compare('Greater', position, w.scalar(size - 1));
  const held = w.where(isLow, w.scalar(0), w.where(isHigh, w.scalar(size - 1), position));
  return {
    position: held,
    slope: w.where(isLow, w.scalar(0), w.where(isHigh, w.scalar(0), w.scalar(slope))),
    size,
  };
}

function neighboursOf(w: TensorWriter, { position, size }: Coordinate): readonly Neighbour[] {
  const low = w.unary('Floor', position);
  const fraction = w.sub(position, low);
  return [
    { at: low, share: w.oneMinus(fraction), slope: -1 },
    { at: w.add(low, w.scalar(1)), share: fraction, slope: 1 },
  ].map(({ at, share, slope }) => {
    const isInside = w.both(
      w.compare('Greater', at, w.scalar(-0.5)),
      w.compare('Less', at, w.scalar(size - 0.5)),
    );
    // Any index does where the weight is 0.
    return { index: w.mask(isInside, at), weight: w.mask(isInside, share), slope, isInside };
  });
}

export const SAMPLING_RULES: Readonly<Record<string, Rule>> = { GridSample: gridSample };
