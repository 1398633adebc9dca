import type { Random } from '../core/random.ts';
import { shuffle } from '../core/random.ts';
import type { TaskPictures } from './task-pictures.ts';

/** Side of the grid that squares are placed on, and with it the most there can be. */
const GRID = 4;
export const MAX_SQUARES = GRID * GRID;

/** Squares to a side of the model's picture. */
const SQUARES_PER_SIDE = 7;

/**
 * Pictures of 1 to `most` white squares on a black grid of 4×4; the label is their number less 1 (after Elsayed, Goodfellow &
 * Sohl-Dickstein 2018). Every number is as likely.
 *
 * @param side the shorter side of the model's pictures in pixels, at least 7: a square has a seventh of it
 */
export function countingTask(most: number, side: number, count: number, random: Random): TaskPictures {
  const labels: number[] = [];
  const pictures: Float64Array[] = [];
  const cells = Array.from({ length: MAX_SQUARES }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const label = random.below(most);
    const picture = new Float64Array(MAX_SQUARES);
    for (const cell of shuffle([...cells], random).slice(0, label + 1)) picture[cell] = 1;
    labels.push(label);
    pictures.push(picture);
  }
  return {
    height: GRID,
    width: GRID,
    channels: 1,
    factor: Math.floor(side / SQUARES_PER_SIDE),
    pictures,
    labels,
    labelCount: most,
  };
}
