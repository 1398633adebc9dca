import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkSettings } from '../../src/config/load.ts';
import type { NightlyConfig } from '../../src/config/nightly.ts';
import { nightly } from '../../src/nightly/nightly.ts';
import type { NightMonitor } from '../../src/nightly/turns.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

const monitor: NightMonitor = {
  campaignMonitor: ({ name }) => {
    throw new Error(`${name} began`);
  },
  onPhase() {},
  onFailure() {},
  info() {},
  warn() {},
};

test.each([
  [{ scheduler: 'recnt' }, '--scheduler: unknown scheduler recnt: did you mean recent?'],
  [{ measure: 'values:width=0' }, '--measure: values:width must be a whole number from 1'],
  [{ objective: 'asert' }, 'did you mean assert?'],
])('a night of which a campaign asks for %p is refused before anything is written', async (settings, why) => {
  const out = join(folder, 'nightly');
  const campaign = { share: 1, config: checkSettings({ model: 'm.onnx', ...settings }, {}, 'nightly.yaml') };
  const sound = { share: 1, config: checkSettings({ model: 'm.onnx' }, {}, 'nightly.yaml') };
  const config = {
    out,
    time: 1000,
    campaigns: [
      { name: 'sound', ...sound },
      { name: 'typo', ...campaign },
    ],
  } as unknown as NightlyConfig;
  const night = nightly(config, monitor, (path) => path, new AbortController().signal);
  await expect(night).rejects.toThrow(`campaigns.typo: `);
  await expect(night).rejects.toThrow(why);
  expect(existsSync(out)).toBe(false);
});
