import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { bytesOf, type Tensor } from '../../src/tensor/tensor.ts';

const LENGTH = 1 << 19;
const tensorOf = (value: (i: number) => number): Tensor => ({
  type: 'float32',
  shape: [LENGTH],
  data: Float32Array.from({ length: LENGTH }, (_, i) => value(i)),
});

test('a large picture of few levels is deflated, noise and small arrays are stored; all come back', () => {
  const random = randomStream('npz');
  const picture = tensorOf((i) => Math.floor(i / 64) % 7);
  const noise = tensorOf(() => random.uniform());
  const small: Tensor = { type: 'float32', shape: [64], data: new Float32Array(64) };
  const size = (tensor: Tensor): number => encodeNpz([['x', tensor]]).length;
  expect(size(picture)).toBeLessThan(LENGTH);
  expect(size(noise)).toBeGreaterThan(4 * LENGTH);
  expect(size(small)).toBeGreaterThan(4 * 64);
  const bytes = encodeNpz(Object.entries({ picture, noise, small }));
  const decoded = decodeNpz(bytes, 'x.npz');
  // Compared as bytes: a matcher would look at each of a million values.
  for (const [name, tensor] of Object.entries({ picture, noise, small }))
    expect(Buffer.compare(bytesOf(decoded.get(name)?.data ?? small.data), bytesOf(tensor.data))).toBe(0);
  expect(Buffer.compare(encodeNpz(Object.entries({ small, noise, picture })), bytes)).toBe(0);
});

/** A file of an archive that is made by hand. */
interface ZipFile {
  readonly name: string;
  readonly content: Uint8Array;
  /** What the archive says of it, where that is not so. */
  readonly bytes?: number;
  readonly crc?: number;
  readonly flags?: number;
}

function zip(files: readonly ZipFile[]): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const { name, content, bytes = content.length, crc = crc32(content), flags = 0 } of files) {
    const packed = deflateRawSync(content);
    const header = Buffer.alloc(46);
    header.writeUInt32LE(0x02014b50, 0);
    header.writeUInt16LE(flags, 8);
    header.writeUInt16LE(8, 10);
    header.writeUInt32LE(crc, 16);
    header.writeUInt32LE(packed.length, 20);
    header.writeUInt32LE(bytes, 24);
    header.writeUInt16LE(name.length, 28);
    header.writeUInt32LE(at, 42);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    parts.push(local, Buffer.from(name), packed);
    central.push(header, Buffer.from(name));
    at += 30 + name.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, end]);
}

describe('an archive of a stranger', () => {
  const content = encodeNpy({ type: 'float32', shape: [2], data: Float32Array.of(1, 2) });
  const file = { name: 'x.npy', content };

  test('is read where it is sound, whatever its names are', () => {
    const names = ['../x.npy', '__proto__.npy', 'constructor.npy', 'x.npy', 'notes.txt'];
    const arrays = decodeNpz(zip(names.map((name) => ({ name, content }))), 'x');
    expect([...arrays.keys()]).toEqual(['../x', '__proto__', 'constructor', 'x']);
    expect(arrays.get('__proto__')?.data).toEqual(Float32Array.of(1, 2));
  });

  test.each<[string, readonly ZipFile[], RegExp]>([
    ['that says it is huge', [{ ...file, bytes: 2 ** 31 }], /x unpacks to more than 256 MB/],
    ['of 64-bit sizes', [{ ...file, bytes: 2 ** 32 - 1 }], /x unpacks to more than 256 MB/],
    [
      'that is larger than it says',
      [{ ...file, content: new Uint8Array(1e6), bytes: 20 }],
      /is not an \.npz archive, or is damaged/,
    ],
    ['that is smaller than it says', [{ ...file, bytes: 1e6 }], /or is damaged/],
    ['with another checksum', [{ ...file, crc: 1 }], /or is damaged/],
    ['that is encrypted', [{ ...file, flags: 1 }], /or is damaged/],
    ['with a name that stands twice', [file, file], /x holds x\.npy twice/],
  ])('%s is refused', (_, files, message) => {
    expect(() => decodeNpz(zip(files), 'x')).toThrow(message);
  });

  test('cut short anywhere is refused', () => {
    const whole = zip([file]);
    for (let length = 0; length < whole.length; length++)
      expect(() => decodeNpz(whole.subarray(0, length), 'x')).toThrow(
        /is not an \.npz archive, or is damaged/,
      );
  });
});
