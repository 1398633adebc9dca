import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

/** A folder for one test file, taken away when its tests are done. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'neurofuzz-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
