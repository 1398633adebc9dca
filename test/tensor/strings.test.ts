import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeNpy, encodeNpy } from '../../src/tensor/npy.ts';
import { codePointsOf, decodeStrings, encodeStrings } from '../../src/tensor/strings.ts';

test('strings are rows of code points, padded with zeros; longer ones are cut', () => {
  const { type, shape, data } = encodeStrings(['ab', '', '😀é'], [3], 4);
  expect({ type, shape }).toEqual({ type: 'uint32', shape: [3, 4] });
  expect([...data]).toEqual([97, 98, 0, 0, 0, 0, 0, 0, 0x1f600, 0xe9, 0, 0]);
  expect(decodeStrings(data, 4)).toEqual(['ab', '', '😀é']);
  expect(decodeStrings(encodeStrings(['abcdef'], [1], 3).data, 3)).toEqual(['abc']);
});

test('any strings without zeros at their ends come back, through .npy as well', () => {
  const strings = fc.array(
    fc.string({ unit: 'binary' }).filter((text) => !text.endsWith('\0')),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(strings, (texts) => {
      const tensor = encodeStrings(texts, [texts.length]);
      expect(decodeStrings(tensor.data, tensor.shape[1])).toEqual(texts);
      const { isString, shape, data } = decodeNpy(encodeNpy(tensor), 'strings.npy');
      expect({ isString, shape }).toEqual({ isString: true, shape: tensor.shape });
      expect(data).toEqual(tensor.data);
    }),
  );
});

/** numpy.save of numpy.array([['ab', 'c']]) and its big-endian form: '<U2', shape (1, 2). */
function saved(order: '<' | '>'): Uint8Array {
  const header = `{'descr': '${order}U2', 'fortran_order': False, 'shape': (1, 2), }`.padEnd(117);
  const values = Buffer.alloc(16);
  [97, 98, 99, 0].forEach((code, i) => {
    if (order === '<') values.writeUInt32LE(code, 4 * i);
    else values.writeUInt32BE(code, 4 * i);
  });
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
    Buffer.from(`${header}\n`),
    values,
  ]);
}

test.each(['<', '>'] as const)("NumPy's strings of byte order %s are read", (order) => {
  const { shape, data, isString } = decodeNpy(saved(order), 'numpy.npy');
  expect({ shape, isString, strings: decodeStrings(data, 2) }).toEqual({
    shape: [1, 2, 2],
    isString: true,
    strings: ['ab', 'c'],
  });
  expect(Buffer.from(encodeNpy({ type: 'uint32', shape, data, isString: true })).subarray(128)).toEqual(
    Buffer.from(saved('<')).subarray(128),
  );
});

test('a code beyond Unicode is refused', () => {
  const bytes = Buffer.from(saved('<'));
  bytes.writeUInt32LE(0x110000, 128);
  expect(() => decodeNpy(bytes, 'bad.npy')).toThrow(
    'bad.npy holds 1114112, which is not a Unicode character',
  );
});

test('code points are characters and not halves of them', () => {
  expect(codePointsOf('a😀')).toEqual([97, 0x1f600]);
});
