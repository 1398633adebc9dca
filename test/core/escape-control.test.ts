import { describe, expect, test } from '@jest/globals';
import {
  escapeControl,
  escapeControlInJson,
  escapeControlInLines,
  hasControl,
  quoteEscaped,
} from '../../src/core/escape-control.ts';

describe('escapeControl', () => {
  test('writes out characters that a terminal would interpret or hide', () => {
    expect(escapeControl('a\n\t\u001b[31m\u202eb\u200b')).toBe('a\\n\\t\\u{1B}[31m\\u{202E}b\\u{200B}');
  });

  test('leaves letters, marks and emoji as they are', () => {
    expect(escapeControl('Grün é 深 🙂')).toBe('Grün é 深 🙂');
  });
});

test('quoteEscaped leaves out the middle of long texts and splits no character', () => {
  expect(quoteEscaped('short')).toBe('"short"');
  expect(quoteEscaped('🙂'.repeat(9), 4)).toBe('"🙂🙂 … 🙂🙂"');
});

test('JSON with its own escapes reads the same', () => {
  const value = { 'a\u202e\u{e0041}\u009b': ['\u001b[31m\u2028\n', 'Grün 🙂'] };
  const json = escapeControlInJson(JSON.stringify(value, null, 2));
  expect(JSON.parse(json)).toEqual(value);
  expect(json.split('\n')).toHaveLength(6);
  expect(hasControl(json.replaceAll('\n', ''))).toBe(false);
  expect(json).toContain('Grün 🙂');
});

test('text of many lines keeps its line feeds alone', () => {
  expect(escapeControlInLines('a\n\tb\r\n\u202ec')).toBe('a\n\\tb\\r\n\\u{202E}c');
});

test('each call looks at the whole text', () => {
  expect([hasControl('abc\u200b'), hasControl('\u200babc'), hasControl('abc')]).toEqual([true, true, false]);
});
