import { expect, test } from '@jest/globals';
import { crc32Hex, verifyChecksum, withChecksum } from '../../src/core/checksum.ts';
import { bitsOf, withFlippedBit } from '../support/damage.ts';

test('a checksum is that of zip, of a text, of bytes or of parts of them', () => {
  expect(crc32Hex('123456789')).toBe('cbf43926');
  expect(crc32Hex(Buffer.from('123456789'))).toBe('cbf43926');
  expect(crc32Hex([Buffer.from('1234'), Buffer.from('56789')])).toBe('cbf43926');
  expect(crc32Hex('')).toBe('00000000');
});

const VALUE = { formatVersion: 1, summary: 'Log makes NaN of 0, é', hits: 822, list: [1, { a: 'b' }] };

test.each([
  ['compact', JSON.stringify(VALUE)],
  ['indented', `${JSON.stringify(VALUE, null, 2)}\n`],
])('JSON that is %s stays JSON of its kind with a checksum as its last key', (_, json) => {
  const text = withChecksum(json);
  expect(verifyChecksum(text)).toBe('intact');
  expect(verifyChecksum(json)).toBe('absent');
  const { crc32, ...value } = JSON.parse(text);
  expect(crc32).toMatch(/^[0-9a-f]{8}$/);
  expect(value).toEqual(VALUE);
  expect(Object.keys(JSON.parse(text)).at(-1)).toBe('crc32');
  expect(text.endsWith('\n')).toBe(json.endsWith('\n'));
  expect(text.split('\n').length).toBe(json.includes('\n') ? json.split('\n').length + 1 : 1);
});

test('no flipped bit changes a value in silence', () => {
  const bytes = Buffer.from(withChecksum(JSON.stringify(VALUE)));
  for (const at of bitsOf(bytes, 8)) {
    const text = withFlippedBit(bytes, at).toString('utf8');
    if (verifyChecksum(text) === 'damaged') continue;
    let value: Record<string, unknown>;
    try {
      value = JSON.parse(text);
    } catch {
      continue;
    }
    expect(value).toMatchObject(VALUE);
  }
});
