import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { decodeIdx } from '../../../src/inputs/formats/idx.ts';
import { decodeJson } from '../../../src/inputs/formats/json.ts';
import { decodeImage, encodePng } from '../../../src/inputs/formats/png.ts';
import { type ImageFormat, looksLikeImage, resolveImageFormat } from '../../../src/inputs/image.ts';

const pictureFor = (shape: readonly number[], levels: readonly [number, number]): ImageFormat =>
  resolveImageFormat({ name: 'x', type: 'float32', shape }, undefined, levels) as ImageFormat;

describe('IDX', () => {
  // Two 1×3 pictures, as the MNIST files lay them out.
  const file = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 250, 251, 252);

  test('is read, gzipped or not', () => {
    const expected = { type: 'uint8', shape: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 250, 251, 252) };
    expect(decodeIdx(file, 'test')).toEqual(expected);
    expect(decodeIdx(gzipSync(file), 'test')).toEqual(expected);
  });

  test('of wide values is turned from big-endian', () => {
    expect(decodeIdx(Uint8Array.of(0, 0, 0x0c, 1, 0, 0, 0, 1, 0, 0, 1, 2), 'test')).toEqual({
      type: 'int32',
      shape: [1],
      data: Int32Array.of(258),
    });
  });

  test('that is cut short or no IDX is refused', () => {
    expect(() => decodeIdx(file.subarray(0, 20), 'test')).toThrow(
      /is truncated: 4 bytes of values where its shape needs 6/,
    );
    expect(() => decodeIdx(Uint8Array.of(1, 2, 3, 4), 'test')).toThrow(/not an IDX file/);
    expect(() => decodeIdx(gzipSync(file).subarray(0, 12), 'test')).toThrow(/cannot be unzipped/);
  });
});

describe('IDX of a stranger', () => {
  const idx = (dims: readonly number[], values: Uint8Array): Buffer => {
    const header = Buffer.alloc(4 + 4 * dims.length);
    header.set([0, 0, 8, dims.length]);
    dims.forEach((size, axis) => {
      header.writeUInt32BE(size, 4 + 4 * axis);
    });
    return Buffer.concat([header, values]);
  };

  test('whose shape needs more than it has is refused before memory is taken', () => {
    const most = 2 ** 32 - 1;
    expect(() => decodeIdx(idx([most], Uint8Array.of(1)), 'x')).toThrow(/is truncated: 1 bytes of values/);
    expect(() => decodeIdx(gzipSync(idx([most], Uint8Array.of(1))), 'x')).toThrow(
      /far more than its file size/,
    );
    expect(() => decodeIdx(idx([most, most, most], Uint8Array.of(1)), 'x')).toThrow(/truncated/);
  });

  test('of rows without values is refused: there would be no end of them', () => {
    expect(() => decodeIdx(idx([2 ** 32 - 1, 0], Uint8Array.of()), 'x')).toThrow('x holds no values');
  });

  test('that unpacks to more than its shape needs is refused where that shows', () => {
    const bomb = gzipSync(idx([4], new Uint8Array(1 << 24)));
    expect(() => decodeIdx(bomb, 'x')).toThrow('x unpacks to more than the 12 bytes that its shape needs');
  });
});

describe('JSON', () => {
  const decode = (value: unknown) => decodeJson(Buffer.from(JSON.stringify(value)), 'test');

  test('nested arrays become a tensor, an object one for each name', () => {
    expect(
      decode([
        [1, 2],
        [3, 4],
      ]).get(null),
    ).toEqual({ type: 'float64', shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) });
    expect(decode({ a: 5, b: [true, false] }).get('b')).toEqual({
      type: 'float64',
      shape: [2],
      data: Float64Array.of(1, 0),
    });
  });

  test('rows of different lengths and other things than numbers are refused', () => {
    expect(() => decode([[1, 2], [3]])).toThrow(/not a regular array/);
    expect(() => decode([1, null])).toThrow(/holds null where a number/);
  });

  test.each([
    ['arrays', `[1, ${'['.repeat(100_000)}${']'.repeat(100_000)}]`, /holds an array where a number/],
    ['arrays alone', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, /nested deeper than 64 arrays/],
    ['objects', `[${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}]`, /holds an object where a number/],
  ])('nested deeper than the stack is refused: %s', (_, text, message) => {
    expect(() => decodeJson(Buffer.from(text), 'test')).toThrow(message);
  });

  test('a name that objects reserve is a name', () => {
    expect([...decodeJson(Buffer.from('{"__proto__": [1]}'), 'test').keys()]).toEqual(['__proto__']);
  });
});

describe('PNG', () => {
  test('a grey picture has one channel, also where the file has three, a colour picture three', async () => {
    const grey = await sharp(Uint8Array.of(0, 128, 255, 7), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(3);
    expect(await decodeImage(grey, 'test')).toEqual({
      type: 'uint8',
      shape: [2, 2, 1],
      data: Uint8Array.of(0, 128, 255, 7),
    });
    const colour = await sharp(Uint8Array.of(1, 2, 3, 40, 50, 60), {
      raw: { width: 2, height: 1, channels: 3 },
    })
      .png()
      .toBuffer();
    expect(await decodeImage(colour, 'test')).toEqual({
      type: 'uint8',
      shape: [1, 2, 3],
      data: Uint8Array.of(1, 2, 3, 40, 50, 60),
    });
  });

  test('a testcase is drawn with its range from black to white, and what is not finite black', async () => {
    const values = new Float32Array(64).fill(-1);
    values.set([1, 0, Number.NaN, 5]);
    const picture = await decodeImage(await encodePng(values, pictureFor([8, 8, 1], [-1, 1]), 8, 8), 'test');
    expect([...(picture.data as Uint8Array).slice(0, 5)]).toEqual([255, 128, 0, 255, 0]);
  });

  test('channels may come first', async () => {
    const values = Float32Array.from({ length: 3 * 64 }, (_, i) => Math.floor(i / 64) / 2);
    const picture = await decodeImage(await encodePng(values, pictureFor([3, 8, 8], [0, 1]), 8, 8), 'test');
    expect(picture.shape).toEqual([8, 8, 3]);
    expect([...(picture.data as Uint8Array).slice(0, 3)]).toEqual([0, 128, 255]);
  });

  test('only shapes that a person would look at are pictures', () => {
    for (const shape of [
      [28, 28],
      [3, 32, 48],
      [null, null, 3],
    ])
      expect(looksLikeImage(shape)).toBe(true);
    for (const shape of [[784], [4, 3], [16, 16, 7]]) expect(looksLikeImage(shape)).toBe(false);
  });

  test('what is no picture is refused', async () => {
    await expect(decodeImage(Buffer.from('no picture'), 'seed.png')).rejects.toThrow(
      /seed\.png cannot be read as a picture/,
    );
  });
});

test('vector graphics, which may name files, are no pictures', async () => {
  const svg = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>',
  );
  await expect(decodeImage(svg, 'x.png')).rejects.toThrow(/x\.png cannot be read as a picture/);
});
