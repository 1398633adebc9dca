import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { defaultMaxDisk } from '../../../../src/campaign/resolve/sizes/disk-limit.ts';
import { parseSize } from '../../../../src/config/values.ts';
import { testFolder } from '../../../support/folder.ts';

const folder = testFolder();

test('a folder that is not there yet may take about a tenth of the free disk above it', async () => {
  const limit = parseSize(await defaultMaxDisk(join(folder, 'not', 'there')));
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  // Other processes write meanwhile.
  expect(limit).toBeLessThan(0.12 * free);
  expect(limit).toBeGreaterThan(0.08 * free);
});
