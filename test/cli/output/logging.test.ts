import { expect, test } from '@jest/globals';
import { textLine } from '../../../src/cli/output/logging.ts';

const line = (fields: object): string =>
  textLine(JSON.stringify({ level: 30, time: '2026-11-30T12:00:05.123Z', msg: 'Model: x.onnx', ...fields }));

test('a line for people has the time of day, the level if it matters, and the message', () => {
  expect(line({})).toMatch(/^\d\d:\d\d:05 {2}Model: x\.onnx\n$/);
  expect(line({ level: 40 })).toMatch(/:05 {2}warning: Model: x\.onnx\n$/);
  expect(line({ level: 20, name: 'digits' })).toMatch(/:05 {2}debug: digits: Model: x\.onnx\n$/);
});

test('names of strangers stay on the line', () => {
  const hostile = line({ name: 'a\nb', msg: '\u001b[2J\r\nSPOOFED' });
  expect(hostile).toMatch(/a\\nb: \\u\{1B\}\[2J\\r\\nSPOOFED\n$/);
  expect(hostile.match(/\n/g)).toHaveLength(1);
});
