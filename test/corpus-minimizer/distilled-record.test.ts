import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readDistilledRecord, recordedFeedback } from '../../src/corpus-minimizer/distilled-record.ts';
import { FORMAT_VERSION } from '../../src/storage/finding.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

test('a feedback that is not recorded is distance; one that is unknown is refused', () => {
  expect(recordedFeedback(undefined, 'campaign.yaml')).toBe('distance');
  expect(recordedFeedback('set', 'campaign.yaml')).toBe('set');
  expect(() => recordedFeedback('bag', 'campaign.yaml')).toThrow(
    'campaign.yaml records the feedback "bag", which this neurofuzz does not know: it cannot be distilled',
  );
});

test.each([
  ['another version', { formatVersion: FORMAT_VERSION + 1 }, 'has format version'],
  [
    'no width',
    { formatVersion: FORMAT_VERSION, inputs: [], threshold: 1 },
    'it lacks inputs, width or threshold',
  ],
])('a record with %s is refused', async (_, record, message) => {
  const path = join(folder, 'distilled.json');
  writeFileSync(path, JSON.stringify(record));
  await expect(readDistilledRecord(path)).rejects.toThrow(message);
  writeFileSync(path, '{');
  await expect(readDistilledRecord(path)).rejects.toThrow('is damaged');
});
