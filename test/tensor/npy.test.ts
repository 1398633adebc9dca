import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeNpy, encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { DTYPES, type DType, makeData, sizeOf, type Tensor } from '../../src/tensor/tensor.ts';

const TYPES = Object.keys(DTYPES) as DType[];

const tensors = fc
  .record({
    type: fc.constantFrom(...TYPES),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
    bytes: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  })
  .map(({ type, shape, bytes }): Tensor => {
    const data = makeData(type, sizeOf(shape));
    const raw = new Uint8Array(data.buffer);
    for (let i = 0; i < raw.length; i++) raw[i] = type === 'bool' ? bytes[i % 64] & 1 : bytes[i % 64];
    return { type, shape, data };
  });

const bytes = (tensor: Tensor) =>
  new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);

/** A file as numpy.save writes it, version 1. */
function npy(descr: string, fortran: boolean, shape: string, values: Uint8Array): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`;
  const padded = `${header.padEnd(64 - 10 - 1 + 64)}\n`;
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8]);
  return Buffer.concat([prefix, Buffer.from(padded), values]);
}

test('what is encoded is decoded to the same type, shape and bytes, alone and in an archive', () => {
  fc.assert(
    fc.property(tensors, (tensor) => {
      const alone = decodeNpy(encodeNpy(tensor), 'test');
      expect({ ...alone, data: bytes(alone) }).toEqual({ ...tensor, data: bytes(tensor) });
      const archived = decodeNpz(
        encodeNpz([
          ['b', tensor],
          ['a', tensor],
        ]),
        'test',
      );
      expect([...archived.keys()]).toEqual(['a', 'b']);
      expect(bytes(archived.get('b') as Tensor)).toEqual(bytes(tensor));
    }),
  );
});

test('the header ends on a multiple of 64 bytes, as NumPy aligns it', () => {
  for (const shape of [[], [3], [1, 2, 3, 4, 5, 6, 7]]) {
    const data = new Float32Array(sizeOf(shape));
    expect((encodeNpy({ type: 'float32', shape, data }).length - data.byteLength) % 64).toBe(0);
  }
});

test('archives of equal arrays are equal to the byte, whatever the time', async () => {
  const tensor: Tensor = { type: 'int16', shape: [2], data: Int16Array.of(1, 2) };
  const first = encodeNpz([['x', tensor]]);
  await new Promise((done) => setTimeout(done, 2100));
  expect(encodeNpz([['x', tensor]])).toEqual(first);
});

describe('files of other writers', () => {
  test('big-endian values are turned round', () => {
    const tensor = decodeNpy(
      npy('>i4', false, '(2,)', Uint8Array.of(0, 0, 1, 0, 0xff, 0xff, 0xff, 0xfe)),
      'test',
    );
    expect([...(tensor.data as Int32Array)]).toEqual([256, -2]);
  });

  test('column-major arrays are laid out by rows', () => {
    // numpy.asfortranarray([[1, 2, 3], [4, 5, 6]]) keeps 1 4 2 5 3 6.
    const tensor = decodeNpy(npy('|u1', true, '(2, 3)', Uint8Array.of(1, 4, 2, 5, 3, 6)), 'test');
    expect(tensor).toEqual({ type: 'uint8', shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  });

  test('a scalar has no dimension', () => {
    expect(decodeNpy(npy('|b1', false, '()', Uint8Array.of(1)), 'test')).toEqual({
      type: 'bool',
      shape: [],
      data: Uint8Array.of(1),
    });
  });

  test.each([
    ['objects', npy('|O', false, '(1,)', new Uint8Array(8)), /does not hold a plain array of numbers/],
    ['complex numbers', npy('<c8', false, '(1,)', new Uint8Array(8)), /holds values of type '<c8'/],
    [
      'missing values',
      npy('<f8', false, '(3,)', new Uint8Array(16)),
      /is truncated: 16 bytes of values where its shape needs 24/,
    ],
    [
      'an impossible shape',
      npy('<f8', false, '(99999999999, 99999999999)', new Uint8Array(8)),
      /an impossible shape/,
    ],
    ['no header', Buffer.from('hello'), /is not a \.npy file/],
  ])('with %s are refused', (_, file, message) => {
    expect(() => decodeNpy(file, 'test')).toThrow(message);
  });

  test('flipped bytes never lead to anything but a refusal or an array', () => {
    const file = encodeNpy({ type: 'float32', shape: [2, 3], data: new Float32Array(6) });
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(255), (at, value) => {
        const broken = Uint8Array.from(file);
        broken[at] = value;
        try {
          const { type, shape, data } = decodeNpy(broken, 'test');
          expect(data.length).toBe(sizeOf(shape));
          expect(TYPES).toContain(type);
        } catch (error) {
          expect((error as Error).name).toBe('UserError');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a file of a stranger', () => {
  const header = (descr: string, shape: string): string =>
    `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;
  /** Without the padding that aligns the values. */
  const unpadded = (text: string, values: Uint8Array): Buffer =>
    Buffer.concat([
      Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length & 255, text.length >> 8]),
      Buffer.from(text, 'latin1'),
      values,
    ]);

  test('whose values are not aligned is read, and is not changed', () => {
    const values = new Uint8Array(Float64Array.of(1.5, -2).buffer);
    for (let pad = 0; pad < 8; pad++) {
      const file = unpadded(`${header('<f8', '(2,)')}${' '.repeat(pad)}`, values);
      expect(decodeNpy(file, 'x').data).toEqual(Float64Array.of(1.5, -2));
      const swapped = unpadded(`${header('>f8', '(2,)')}${' '.repeat(pad)}`, values);
      const before = Buffer.from(swapped);
      const { data } = decodeNpy(swapped, 'x');
      expect(swapped.equals(before)).toBe(true);
      swapped.fill(0);
      expect(data[0]).not.toBe(0);
    }
  });

  test.each([
    ['<f4', `(${'9'.repeat(300)},)`, /an impossible shape/],
    ['<f4', '(0, 99999999999999999)', /an impossible shape/],
    ['<f4', `(${'1,'.repeat(100)})`, /an impossible shape/],
    ['<f4', `(${'1,'.repeat(32_700)})`, /a header of \d+ bytes|an impossible shape/],
    ['<f4', '(4294967295, 4294967295)', /is truncated/],
    ['<U4294967295', '(4294967295,)', /is truncated/],
    ['<f4', '(-1,)', /does not hold a plain array of numbers/],
    ['|O', '(1,)', /does not hold a plain array of numbers/],
    ["[('a', '<f4')]", '(1,)', /does not hold a plain array of numbers/],
  ])('of type %s with the shape %.30s is refused', (descr, shape, message) => {
    expect(() => decodeNpy(unpadded(header(descr, shape), new Uint8Array(8)), 'x')).toThrow(message);
  });
});
