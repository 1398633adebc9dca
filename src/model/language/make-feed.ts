import { makeData, sizeOf, type Tensor, writeNumber } from '../../tensor/tensor.ts';
import type { InputBinding, StateBinding, TokenBinding } from './io-binding.ts';

/** A run's extent in tokens. */
export interface Positions {
  readonly rows: number;
  /** Tokens given in this run, for each row. */
  readonly length: number;
  /** Tokens that the cache holds already. */
  readonly past: number;
}

/**
 * Builds a feed that follows from positions and tokens alone. A state is of zeros, and a cache is empty.
 *
 * @param tokenAt token id for a row and a position of this run
 */
export function makeFeed(
  binding: InputBinding,
  positions: Positions,
  tokenAt: (row: number, position: number) => number,
): Tensor {
  const { input, kind } = binding;
  const { rows, length, past } = positions;
  switch (kind) {
    case 'state':
      return initialState(binding, rows);
    case 'tokens':
      return makeTokenFeed(binding, positions, tokenAt);
    case 'branch': {
      const data = makeData(input.type, 1);
      writeNumber(input.type, data, 0, past > 0 ? 1 : 0);
      return { type: input.type, shape: input.shape.length === 0 ? [] : [1], data };
    }
    case 'mask':
      return fillPositions(binding, rows, past + length, () => 1);
    case 'position':
      return fillPositions(binding, rows, length, (_, position) => past + position);
    case 'segment':
      return fillPositions(binding, rows, length, () => 0);
  }
}

/** Zeros, with no values along the axis that grows with the text. */
export function initialState({ input, batchAxis, growthAxis }: StateBinding, rows: number): Tensor {
  const shape = input.shape.map((size, axis) =>
    axis === batchAxis ? rows : axis === growthAxis || size === null ? 0 : size,
  );
  return { type: input.type, shape, data: makeData(input.type, sizeOf(shape)) };
}

function makeTokenFeed(
  binding: TokenBinding,
  { rows, length }: Positions,
  tokenAt: (row: number, position: number) => number,
): Tensor {
  const { input, oneHotSize, hasPositions } = binding;
  if (oneHotSize === undefined) {
    const feed = fillPositions(binding, rows, length, tokenAt);
    return hasPositions ? feed : { ...feed, shape: [rows] };
  }
  const data = makeData(input.type, rows * length * oneHotSize);
  for (let row = 0; row < rows; row++)
    for (let position = 0; position < length; position++)
      writeNumber(input.type, data, (row * length + position) * oneHotSize + tokenAt(row, position), 1);
  return { type: input.type, shape: hasPositions ? [rows, length, oneHotSize] : [rows, oneHotSize], data };
}

function fillPositions(
  { input: { type } }: InputBinding,
  rows: number,
  length: number,
  valueAt: (row: number, position: number) => number,
): Tensor {
  const data = makeData(type, rows * length);
  for (let row = 0; row < rows; row++)
    for (let position = 0; position < length; position++)
      writeNumber(type, data, row * length + position, valueAt(row, position));
  return { type, shape: [rows, length], data };
}
