import { expect, test } from '@jest/globals';
import { decodeMessage, encodeMessage } from '../../src/view/protocol.ts';

test('messages carry NaN and infinities, which JSON lacks', () => {
  const message = {
    values: [1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    text: 'NaN',
  };
  expect(decodeMessage(encodeMessage(message))).toEqual(message);
});

test('an object with the same key and no number in it stays as it is', () => {
  expect(decodeMessage('{"$number":{"a":1}}')).toEqual({ $number: { a: 1 } });
});
