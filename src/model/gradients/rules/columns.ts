import { sizeOf } from '../../../tensor/tensor.ts';
import { listOf, type Rule, upstreamOf } from '../rule.ts';

/**
 * Columns of blocks are added up where they overlap in an image: the gradient of a column is that of the image at the block's
 * places, which are the same for all images.
 */
const columnsToImage: Rule = (at) => {
  const { writer: w } = at;
  const [image, block] = [at.numbers(1), at.numbers(2)];
  if (image === undefined || block === undefined) return undefined;
  const dilations = listOf(at, 'dilations') ?? block.map(() => 1);
  const strides = listOf(at, 'strides') ?? block.map(() => 1);
  const pads = listOf(at, 'pads') ?? [...block, ...block].map(() => 0);
  const [before, behind] = [pads.slice(0, block.length), pads.slice(block.length)];
  const padded = image.map((size, i) => size + before[i] + behind[i]);
  const counts = padded.map(
    (size, i) => Math.floor((size - dilations[i] * (block[i] - 1) - 1) / strides[i]) + 1,
  );
  const places = allIndices(block).flatMap((offset) =>
    allIndices(counts).map((position) =>
      padded.reduce((flat, size, i) => flat * size + position[i] * strides[i] + offset[i] * dilations[i], 0),
    ),
  );
  const [batch, channels] = at.outputShape(0);
  const around = (counted: readonly number[]): number[] => [0, 0, ...counted];
  const g = w.reshape(w.pad(upstreamOf(at), around(before), around(behind)), [
    batch,
    channels,
    sizeOf(padded),
  ]);
  const taken = w.node('Gather', [g, w.integers(places)], [batch, channels, places.length], { axis: 2 });
  return [w.reshape(taken, at.inputShape(0))];
};

/** All index tuples of a shape, the last index changing fastest. */
function allIndices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (outer, size) => outer.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

export const COLUMN_RULES: Readonly<Record<string, Rule>> = { Col2Im: columnsToImage };
