import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { CampaignStore } from '../../../src/storage/campaign-store.ts';
import { verifyManifest } from '../../../src/storage/trust/manifest-signature.ts';
import { requireTrust } from '../../../src/storage/trust/require-trust.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
const { XDG_CONFIG_HOME } = process.env;
afterAll(() => {
  if (XDG_CONFIG_HOME === undefined) delete process.env.XDG_CONFIG_HOME;
  else process.env.XDG_CONFIG_HOME = XDG_CONFIG_HOME;
});

let runs = 0;
let place: string;
let campaign: string;

/** A campaign of this user with an objective beside its folder, which imports a helper, and a scheduler within. */
beforeEach(async () => {
  place = join(folder, `place-${runs++}`);
  campaign = join(place, 'campaign');
  process.env.XDG_CONFIG_HOME = join(place, 'config');
  mkdirSync(join(campaign, 'own'), { recursive: true });
  writeFileSync(join(place, 'objective.js'), "import { bound } from './helper.js';");
  writeFileSync(join(place, 'helper.js'), 'export const bound = 1;');
  await made('../objective.js');
});

async function made(...objective: string[]): Promise<void> {
  await CampaignStore.create(campaign, { objective });
}

const check = (path = campaign, objective = join(path, '..', 'objective.js'), options = {}) =>
  requireTrust(path, { objective: [objective] }, options);

const REFUSAL =
  /campaign\.yaml names code that this command was not allowed to run: .*objective\.js; .* --trust/;

test("the user's own campaign may run its plug-ins, edited ones too, and the key is the user's alone", async () => {
  await check();
  appendFileSync(join(place, 'objective.js'), '// mended');
  await check();
  expect(statSync(join(place, 'config/neurofuzz/key')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(place, 'config/neurofuzz/key')).length).toBe(32);
});

test('a campaign of another user or machine is refused by the name of its plug-in', async () => {
  process.env.XDG_CONFIG_HOME = join(place, 'stranger');
  await expect(check()).rejects.toThrow(REFUSAL);
  await check(campaign, undefined, { trust: true });
  await check(campaign, undefined, { named: [join(place, 'objective.js')] });
  await expect(check(campaign, undefined, { named: [join(place, 'helper.js')] })).rejects.toThrow(REFUSAL);
  await requireTrust(campaign, { objective: ['nonfinite'] }, {});
});

test("a campaign.yaml that was changed is no longer the user's own", async () => {
  const file = join(campaign, 'campaign.yaml');
  const text = readFileSync(file, 'utf8');
  expect(verifyManifest(text)).toBe('intact');
  for (const changed of [`${text}\n`, `# \n${text}`, text.replace('formatVersion: 1', 'formatVersion: 2')]) {
    writeFileSync(file, changed);
    expect(verifyManifest(changed)).toBe('changed');
    await expect(check()).rejects.toThrow(REFUSAL);
  }
  writeFileSync(file, text.replace(/# signed.*\n/, ''));
  await expect(check()).rejects.toThrow(REFUSAL);
  writeFileSync(file, text);
  await check();
});

test('a folder that was moved may run a plug-in that is as it was and runs no code of other files, and no others', async () => {
  const move = (): string => {
    const moved = join(place, 'moved', 'campaign');
    rmSync(join(place, 'moved'), { recursive: true, force: true });
    cpSync(campaign, moved, { recursive: true });
    for (const name of ['objective.js', 'helper.js']) cpSync(join(place, name), join(moved, '..', name));
    return moved;
  };
  // What it imports may have been replaced.
  await expect(check(move())).rejects.toThrow(REFUSAL);
  writeFileSync(
    join(place, 'objective.js'),
    "import { join } from 'node:path'; export default { name: join('a') };",
  );
  rmSync(campaign, { recursive: true });
  await made('../objective.js');
  const moved = move();
  await check(moved);
  appendFileSync(join(moved, '..', 'objective.js'), '// replaced');
  await expect(check(moved)).rejects.toThrow(REFUSAL);
});

test("a plug-in within the campaign's folder may not be replaced", async () => {
  const own = join(campaign, 'own', 'objective.js');
  writeFileSync(own, 'export default 1;');
  await made('./own/objective.js');
  await check(campaign, own);
  writeFileSync(own, 'export default 2;');
  await expect(check(campaign, own)).rejects.toThrow(REFUSAL);
});

test('a key that others can read, or that is cut, is none; one that cannot be written leaves --trust', async () => {
  const key = join(place, 'config/neurofuzz/key');
  chmodSync(key, 0o644);
  await expect(check()).rejects.toThrow(REFUSAL);
  chmodSync(key, 0o600);
  writeFileSync(key, 'short');
  await expect(check()).rejects.toThrow(REFUSAL);
  writeFileSync(join(place, 'file'), '');
  process.env.XDG_CONFIG_HOME = join(place, 'file');
  await made('../objective.js');
  expect(readFileSync(join(campaign, 'campaign.yaml'), 'utf8')).not.toContain('# signed');
  await expect(check()).rejects.toThrow(REFUSAL);
  await check(campaign, undefined, { trust: true });
});

test('a campaign without plug-ins makes no key, and its campaign.yaml has a checksum', async () => {
  process.env.XDG_CONFIG_HOME = join(place, 'none');
  await made('nonfinite');
  const text = readFileSync(join(campaign, 'campaign.yaml'), 'utf8');
  expect(text).toMatch(/\n# crc32 [0-9a-f]{8}\n$/);
  expect(verifyManifest(text)).toBe('intact');
  expect(verifyManifest('formatVersion: 1\n')).toBe('absent');
  expect(() => statSync(join(place, 'none'))).toThrow();
});
