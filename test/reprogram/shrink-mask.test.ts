import { expect, test } from '@jest/globals';
import { layoutOf } from '../../src/mutators/image/layout.ts';
import { patchPlaces } from '../../src/reprogram/program.ts';
import { maskGrid, shrinkMask } from '../../src/reprogram/shrink-mask.ts';

const picture = { channelsFirst: false, channels: 3, black: [0, 0, 0], white: [1, 1, 1], bgr: false };
const shape = [8, 8, 3];

test('what is left is what is needed, and whole pixels go', async () => {
  const mask = new Uint8Array(8 * 8 * 3).fill(1);
  const grid = maskGrid({ mask }, { picture } as never, shape);
  const needed = [3 * (8 * 2 + 5) + 1, 3 * (8 * 7)];
  let tries = 0;
  const smaller = await shrinkMask(mask, grid, async (kept) => {
    tries++;
    return needed.every((i) => kept[i] === 1);
  });
  expect([...smaller.keys()].filter((i) => smaller[i] === 1)).toEqual([63, 64, 65, 168, 169, 170]);
  // Sixteen blocks first, then only the pixels of those that stayed.
  expect(tries).toBeLessThan(30);
});

test('something is always left, and nothing goes where nothing may', async () => {
  const mask = Uint8Array.of(0, 1, 1, 0);
  const grid = maskGrid({ mask }, { picture: undefined }, [4]);
  expect([...(await shrinkMask(mask, grid, async () => true))].filter((i) => i === 1)).toHaveLength(1);
  expect([...(await shrinkMask(mask, grid, async () => false))]).toEqual([0, 1, 1, 0]);
});

test('a patch that lies anywhere is a grid of its own pixels', () => {
  const layout = layoutOf(picture as never, shape);
  const places = patchPlaces(layout, { height: 2, width: 3 });
  const grid = maskGrid({ mask: new Uint8Array(18), places }, { picture } as never, shape);
  expect(grid).toMatchObject({ height: 2, width: 3 });
  expect(grid.valuesAt(1, 2)).toEqual([15, 16, 17]);
});
