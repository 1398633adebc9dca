import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import { mapTile, sheetPng } from '../../src/saliency/sheet.ts';

test('red is for the class, blue against it, white is nothing; what is not finite is white', () => {
  const { data, channels } = mapTile([2, -2, 0, 1, Number.NaN, -1], { height: 2, width: 3 });
  expect(channels).toBe(3);
  const pixel = (i: number): number[] => [...data.slice(3 * i, 3 * i + 3)];
  expect(pixel(0)).toEqual([178, 24, 43]);
  expect(pixel(1)).toEqual([33, 102, 172]);
  expect(pixel(2)).toEqual([255, 255, 255]);
  expect(pixel(3)).toEqual([217, 140, 149]);
  expect(pixel(4)).toEqual([255, 255, 255]);
});

test('a sheet has rows of tiles, small ones enlarged, and the same bytes each time', async () => {
  const tile = mapTile([1, 0, 0, -1], { height: 2, width: 2 });
  const rows = [
    [tile, tile, undefined],
    [tile, undefined, tile],
  ];
  const png = await sheetPng(rows);
  expect(await sheetPng(rows)).toEqual(png);
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([3 * 96 + 4 * 4, 2 * 96 + 3 * 4]);
  const at = (x: number, y: number): number[] => [
    ...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3),
  ];
  expect(at(10, 10)).toEqual([178, 24, 43]);
  expect(at(4 + 95, 4 + 95)).toEqual([33, 102, 172]);
  expect(at(0, 0)).toEqual([210, 210, 210]);
  expect(at(2 * 100 + 50, 50)).toEqual([210, 210, 210]);
});
