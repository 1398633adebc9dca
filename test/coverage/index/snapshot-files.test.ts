import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  isIntactSnapshot,
  placeSnapshot,
  removeSnapshot,
  snapshotFile,
  snapshotSizes,
} from '../../../src/coverage/index/snapshot-files.ts';
import { bitsOf, withFlippedBit } from '../../support/damage.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

test('every flipped bit of a snapshot and of its checksum is noticed', () => {
  const unfinished = join(folder, '.tmp-1.hnsw');
  writeFileSync(unfinished, Buffer.from('an index'));
  const snapshot = snapshotFile(folder, 500);
  placeSnapshot(unfinished, snapshot);
  expect(existsSync(unfinished)).toBe(false);
  expect(snapshotSizes(folder)).toEqual([500]);
  expect(isIntactSnapshot(snapshot)).toBe(true);
  for (const path of [snapshot, `${snapshot}.crc32`]) {
    const bytes = readFileSync(path);
    for (const at of bitsOf(bytes, 8)) {
      writeFileSync(path, withFlippedBit(bytes, at));
      expect(isIntactSnapshot(snapshot)).toBe(false);
    }
    writeFileSync(path, bytes);
  }
  rmSync(`${snapshot}.crc32`);
  expect(isIntactSnapshot(snapshot)).toBe(true);
  removeSnapshot(snapshot);
  expect(isIntactSnapshot(snapshot)).toBe(false);
  expect(snapshotSizes(folder)).toEqual([]);
});
