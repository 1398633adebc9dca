import { expect, test } from '@jest/globals';
import { decodeUtf8 } from '../../src/core/decode-utf8.ts';

test('decodes UTF-8 and drops a byte order mark', () => {
  expect(decodeUtf8(Buffer.from('\uFEFFgrün, 深'))).toBe('grün, 深');
});

test('refuses bytes that are not UTF-8', () => {
  expect(decodeUtf8(Uint8Array.of(0x61, 0xff))).toBeUndefined();
  expect(decodeUtf8(Uint8Array.of(0xc3))).toBeUndefined();
});
