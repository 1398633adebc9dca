import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { isLocked, Lock } from '../../../src/storage/lock.ts';
import { newInLatestNight } from '../../../src/view/server/nightly-states.ts';
import { testFolder } from '../../support/folder.ts';

const out = testFolder();

function writeNight(name: string, text: string): void {
  mkdirSync(join(out, 'nights', name), { recursive: true });
  writeFileSync(join(out, 'nights', name, 'summary.json'), text);
}

const summary = (signature: string): string =>
  JSON.stringify({
    campaigns: [
      {
        name: 'digits',
        faults: [
          { signature, state: 'new' },
          { signature: 'old', state: 'known' },
        ],
      },
    ],
  });

const found = async (name = 'digits'): Promise<string[]> => [...(await newInLatestNight(out, name))];

test('faults that the latest night reported as new are new until the next night', async () => {
  expect(await found()).toEqual([]);
  writeNight('2026-11-29', summary('first'));
  writeNight('2026-11-30', summary('second'));
  expect(await found()).toEqual(['second']);
  expect(await found('letters')).toEqual([]);
  const lock = await Lock.acquire(out);
  expect([await isLocked(out), await found()]).toEqual([true, []]);
  await lock.release();
  expect([await isLocked(out), await found()]).toEqual([false, ['second']]);
  writeNight('2026-11-30-2', '{"campaigns"');
  expect(await found()).toEqual([]);
});
