import { expect, test } from '@jest/globals';
import { formatLine, parseLine } from '../../src/storage/journal-line.ts';
import { bitsOf, withFlippedBit } from '../support/damage.ts';

const RECORD = {
  id: '0123456789abcdef',
  parent: 'fedcba9876543210',
  ancestor: 'fedcba9876543210',
  generation: 3,
  mutators: ['x:gaussian', 'é:noise'],
  novelty: 0.125,
  task: 7,
  outcome: -1,
};
const CHECKSUMS = { file: '01234567', activations: '89abcdef' };

test('a line comes back as it was written, and holds its checksums', () => {
  const line = formatLine(RECORD, CHECKSUMS);
  expect(line.endsWith('}\n')).toBe(true);
  expect(parseLine(line.trimEnd())).toEqual({ record: RECORD, checksums: CHECKSUMS });
  const climbed = { ...RECORD, site: 'log', reference: RECORD.id };
  expect(parseLine(formatLine(climbed, CHECKSUMS).trimEnd())?.record).toEqual(climbed);
});

test('every flipped bit of a line is noticed', () => {
  const bytes = Buffer.from(formatLine(RECORD, CHECKSUMS).trimEnd());
  for (const at of bitsOf(bytes, 8))
    expect(parseLine(withFlippedBit(bytes, at).toString('utf8'))).toBeUndefined();
});

test('a line of an older version has no checksums, and one of an unknown version is damaged', () => {
  expect(parseLine(JSON.stringify({ v: 1, ...RECORD }))).toEqual({ record: RECORD, checksums: undefined });
  for (const v of [0, 2, 3, '1', undefined])
    expect(parseLine(JSON.stringify({ v, ...RECORD }))).toBeUndefined();
  for (const text of ['', 'null', '[]', '{"v":1}', '{"v":1,"id":"x"'])
    expect(parseLine(text)).toBeUndefined();
});
