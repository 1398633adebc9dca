import { expect, test } from '@jest/globals';
import type { ImageFormat } from '../../../src/inputs/image.ts';
import { roleMap } from '../../../src/report/pictures/role-map.ts';
import { VALUE_ROLES } from '../../../src/storage/value-roles.ts';

const { needed, free, unknown } = VALUE_ROLES;

const imageFormat = (channelsFirst: boolean): ImageFormat => ({
  height: 1,
  width: 3,
  channels: 3,
  channelsFirst,
  bgr: false,
  resize: 'crop',
  black: [0, 0, 0],
  white: [1, 1, 1],
});

const levels = { data: new Uint8Array(9).fill(100), height: 1, width: 3, channels: 3 } as const;

test('a pixel matters if one of its channels does, whatever the order of the channels', () => {
  const colourOf = (data: Uint8Array, pixel: number) => [...data.subarray(3 * pixel, 3 * pixel + 3)];
  const interleaved = [needed, free, free, free, free, free, unknown, free, free];
  const planar = [needed, free, unknown, free, free, free, free, free, free];
  for (const [channelsFirst, roles] of [
    [false, interleaved],
    [true, planar],
  ] as const) {
    const map = roleMap({ imageFormat: imageFormat(channelsFirst) }, levels, Uint8Array.from(roles));
    if (map === undefined) throw new Error('a map is missing');
    expect(map).toMatchObject({ height: 1, width: 3, channels: 3 });
    const [red, , blue] = colourOf(map.data, 0);
    expect(red).toBeGreaterThan(blue + 50);
    const [pale] = colourOf(map.data, 1);
    expect(pale).toBeGreaterThan(190);
    // What was not examined keeps its grey.
    expect(colourOf(map.data, 2)).toEqual([100, 100, 100]);
  }
});

test('without free pixels, or without those that matter, there is nothing to show', () => {
  for (const role of [needed, free])
    expect(
      roleMap({ imageFormat: imageFormat(false) }, levels, new Uint8Array(9).fill(role)),
    ).toBeUndefined();
});
