import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { digests, findingFolders } from '../support/campaign.ts';
import { start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const home = join(folder, 'home');
const place = join(folder, 'place');
const campaign = join(place, 'campaign');
const FUZZ = ['--range=-2,2', '-s', '1', '-n', '1500', '--keep', '1', '--quiet'];

/** Runs a command in a folder, as a user with a configuration folder of their own. */
const as = (config: string, cwd: string, ...args: string[]) =>
  start(args, cwd, { XDG_CONFIG_HOME: config }).ended;

/** An objective that leaves a file behind wherever it is loaded. */
const OBJECTIVE = `import { writeFileSync } from 'node:fs';
writeFileSync(new URL('./loaded', import.meta.url), '');
export default { name: 'bound', make: () => ({ judge: ({ rows, outputs: [{ data }] }, report) => {
  for (let row = 0; row < rows; row++) if (data[3 * row] > 0.6) report(row, { summary: 'over' });
} }) };
`;

let model: string;
let seeds: string;

beforeAll(async () => {
  mkdirSync(place, { recursive: true });
  model = writeSoftmaxOnnx(place).slice(place.length + 1);
  seeds = writeSeeds(place, [
    [0.1, 0.2, 0.3, 0.4],
    [0.4, 0.3, 0.2, 0.1],
  ]).slice(place.length + 1);
  writeFileSync(join(place, 'own.js'), OBJECTIVE);
  const flags = ['-i', seeds, '-O', './own.js', '-o', 'campaign'];
  const { code, stderr } = await as(home, place, 'fuzz', model, ...flags, ...FUZZ);
  expect([code, stderr]).toEqual([1, '']);
});

describe("a campaign's folder of a stranger", () => {
  const other = join(folder, 'other-home');
  const loaded = join(place, 'loaded');

  test.each([
    ['replay', ['replay', campaign]],
    ['minimize', ['minimize', '--all', campaign]],
    ['fuzz --resume', ['fuzz', '--resume', '-o', campaign, '-n', '1600', '--quiet']],
  ])('has %s run its plug-in with --trust alone', async (_, args) => {
    rmSync(loaded, { force: true });
    const { code, stderr } = await as(other, place, ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^neurofuzz: \S+campaign\.yaml names code that this command was not allowed to run: own\.js; [^\n]*--trust[^\n]*\n$/,
    );
    expect(existsSync(loaded)).toBe(false);
    const trusted = await as(other, place, ...args, '--trust');
    expect(trusted.stderr).not.toContain('--trust');
    expect(existsSync(loaded)).toBe(true);
  });

  test('is resumed where the plug-in is named in the command, and triaged and reported without one', async () => {
    const resume = ['fuzz', '--resume', '-o', campaign, '-O', './own.js', '-n', '1700', '--quiet'];
    expect(await as(other, place, ...resume)).toMatchObject({ code: 1, stderr: '' });
    rmSync(loaded, { force: true });
    for (const command of ['triage', 'report', 'distill'])
      expect((await as(other, place, command, campaign)).stderr).toBe('');
    expect(existsSync(loaded)).toBe(false);
  });

  test("is no stranger's where it was made here", async () => {
    const { code, stdout } = await as(home, folder, 'replay', campaign);
    expect([code, stdout]).toEqual([1, expect.stringContaining('still broken')]);
  });
});

describe('a campaign that was moved', () => {
  const flags = ['-O', 'assert:max(probabilities) < 0.7', '-o', 'moving', ...FUZZ];
  const resume = (out: string, ...more: string[]) => ['fuzz', '--resume', '-o', out, '-n', '1800', ...more];

  beforeAll(async () => {
    expect((await as(home, place, 'fuzz', model, '-i', seeds, ...flags)).code).toBe(1);
  });

  test('with its model beside it is replayed and resumed from anywhere', async () => {
    const moved = join(folder, 'moved');
    cpSync(place, moved, { recursive: true });
    const [finding] = findingFolders(join(moved, 'moving'));
    expect(await as(home, '/', 'replay', finding)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^still broken.*(?<!has changed\))\n$/),
    });
    expect((await as(home, '/', ...resume(join(moved, 'moving')))).code).toBe(1);
  });

  test('without its model finds it beside it or where it was given, or says how to name it', async () => {
    const alone = join(folder, 'deep', 'down', 'moving');
    mkdirSync(dirname(alone), { recursive: true });
    renameSync(join(place, 'moving'), alone);
    const before = digests(alone, 'corpus', 'findings');
    const [finding] = findingFolders(alone);
    expect(await as(home, folder, 'replay', finding)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^neurofuzz: the model \S+ of \S+ is missing.*: name it with --model\n$/),
    });
    expect(await as(home, folder, ...resume(alone, '--quiet'))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is missing.*name it before the flags/),
    });
    // Given as a path relative to this folder.
    expect((await as(home, place, 'replay', finding)).stdout).toMatch(/^still broken/);
    const named = await as(home, folder, 'replay', finding, '--model', join(place, model));
    expect(named.stdout).toMatch(/^still broken.*(?<!has changed\))\n$/);
    writeFileSync(
      join(alone, '..', model),
      Buffer.concat([readFileSync(join(place, model)), Buffer.of(0x12, 1, 0x61)]),
    );
    expect((await as(home, folder, 'replay', finding)).stdout).toMatch(/\(the model has changed\)/);
    cpSync(join(place, model), join(alone, '..', model));
    expect((await as(home, folder, 'replay', finding)).stdout).toMatch(/^still broken/);
    expect(digests(alone, 'corpus', 'findings')).toEqual(before);
    const elsewhere = ['-i', join(place, seeds), '--quiet'];
    const resumed = await as(
      home,
      folder,
      'fuzz',
      resolve(place, model),
      ...resume(alone, ...elsewhere).slice(1),
    );
    expect([resumed.code, resumed.stderr]).toEqual([1, '']);
  });
});
