import { expect, test } from '@jest/globals';
import { tokenizeSeedFile } from '../../src/inputs/tokenize-seed-file.ts';
import { makeVocabularyTokenizer } from '../../src/model/language/tokenizer.ts';

let encoded = 0;
const plain = makeVocabularyTokenizer(['a', 'b']);
const tokenizer = {
  ...plain,
  encode(text: string) {
    encoded += text.length;
    return plain.encode(text);
  },
};
const file = (text: string, isInFolder = false) => ({
  path: 'prompts.txt',
  arrays: new Map(),
  pixels: undefined,
  text,
  isInFolder,
});

test('a prompt of more than 64 kB is refused by its line, and is not encoded', () => {
  encoded = 0;
  const text = `ab\n${'a'.repeat(1 << 20)}\n`;
  expect(() => tokenizeSeedFile(file(text), { tokenizer, splitBy: undefined })).toThrow(
    /^prompts\.txt:2 is 1048576 bytes long, and the limit is 65536/,
  );
  expect(encoded).toBe(2);
  expect(() => tokenizeSeedFile(file(text, true), { tokenizer, splitBy: undefined })).toThrow(
    /^prompts\.txt is 1048579 bytes long/,
  );
});

test('a prompt of more tokens than the model takes is refused by its line, whoever tells how many', () => {
  const text = 'ab\nabab\nababa\n';
  const message = 'prompts.txt:3 is 5 tokens long, and the model takes 4: shorten it';
  expect(() => tokenizeSeedFile(file(text), { tokenizer, splitBy: 'lines', maxTokens: 4 })).toThrow(message);
  const limited = { ...tokenizer, maxLength: 4 };
  expect(() => tokenizeSeedFile(file(text), { tokenizer: limited, splitBy: 'lines' })).toThrow(message);
  expect(tokenizeSeedFile(file(text), { tokenizer, splitBy: 'lines', maxTokens: 5 })).toHaveLength(3);
});

test('a context of many tokens allows longer lines than 64 kB', () => {
  const ids = tokenizeSeedFile(file('a'.repeat(100_000)), {
    tokenizer,
    splitBy: 'lines',
    maxTokens: 200_000,
  });
  expect(ids[0]).toHaveLength(100_000);
});
