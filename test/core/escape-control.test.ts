import { describe, expect, test } from '@jest/globals';
import { escapeControl, quoteEscaped } from '../../src/core/escape-control.ts';

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
