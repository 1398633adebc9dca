import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readNightlyFile } from '../../src/config/nightly.ts';
import { UserError } from '../../src/core/errors.ts';
import { confirmedFindings, eventsOf, findingFolders, readJson, sessionsOf } from '../support/campaign.ts';
import { amid, type Ended, neurofuzz, start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { junitFaults, sarifFaults } from '../support/schemas.ts';

const folder = testFolder();
const corpora = join(folder, 'corpora');
const model = join(corpora, 'broken-loss', 'model.onnx');
const out = join(folder, 'nights');

/** The bundled campaigns of numbers; the last one's model is what stands there tonight. */
const FILE = `
time: 10m
out: nights
keep: 3 nights
minimize: 100
campaigns:
  digits:
    config: corpora/nan-digits/campaign.yaml
    execs: 6000
    jobs: 1
    seed: '5'
  pair:
    config: corpora/quantized-digits/campaign.yaml
    execs: 2500
    jobs: 1
    seed: '1'
  loss:
    config: corpora/broken-loss/campaign.yaml
    model: corpora/broken-loss/model.onnx
    execs: 2000
    jobs: 1
    seed: '1'
`;

const file = join(folder, 'nightly.yaml');

interface Night {
  readonly night: string;
  readonly fresh: number;
  readonly campaigns: readonly {
    readonly name: string;
    readonly folder: string;
    readonly execs: number;
    readonly faults: readonly {
      readonly signature: string;
      readonly state: string;
      readonly replay: string;
    }[];
    readonly fixed: readonly { readonly signature: string }[];
  }[];
  readonly failures: readonly { readonly name: string; readonly message: string }[];
}

async function night(name = file): Promise<Ended & { readonly result: Night }> {
  const ended = await neurofuzz(['nightly', name, '--json', '--log-level', 'warn']);
  return { ...ended, result: ended.stdout === '' ? undefined : JSON.parse(ended.stdout) };
}

/** The state of each fault of a campaign, and what is fixed. */
function states({ campaigns }: Night, name: string): Record<string, string> {
  const own = campaigns.find((one) => one.name === name);
  return Object.fromEntries([
    ...(own?.faults ?? []).map(({ signature, state }) => [signature, state]),
    ...(own?.fixed ?? []).map(({ signature }) => [signature, 'fixed']),
  ]);
}

beforeAll(() => {
  cpSync('corpora', corpora, { recursive: true });
  writeFileSync(file, FILE);
});

const plant = (name: 'repaired' | 'broken'): void =>
  copyFileSync(join(corpora, 'broken-loss', `${name}.onnx`), model);

describe('four nights in a row, with a planted change of a model between', () => {
  const nights: (Ended & { readonly result: Night })[] = [];

  beforeAll(async () => {
    for (const planted of ['repaired', 'broken', 'broken', 'repaired'] as const) {
      plant(planted);
      nights.push(await night());
    }
  });

  test('the fault is new on the second night, known on the third, and fixed when the change is taken back', () => {
    const loss = nights.map(({ result }) => states(result, 'loss')['assert-learns']);
    expect(loss).toEqual([undefined, 'new', 'known', 'fixed']);
  });

  test('the exit code is 1 for what is new alone', () => {
    expect(nights.map(({ result }) => result.fresh > 0)).toEqual([true, true, false, false]);
    expect(nights.map(({ code }) => code)).toEqual([1, 1, 0, 0]);
  });

  test('other faults are new on the first night and known from then on', () => {
    const digits = nights.map(({ result }) => states(result, 'digits')['nonfinite-inf-log']);
    expect(digits).toEqual(['new', 'known', 'known', 'known']);
  });

  test('campaigns go on from night to night; with another model they begin anew, with their old testcases', () => {
    const ran = nights.map(
      ({ result }) => result.campaigns.find(({ name }) => name === 'digits')?.execs ?? 0,
    );
    for (let i = 1; i < ran.length; i++) expect(ran[i]).toBeGreaterThan(ran[i - 1]);
    expect(
      eventsOf(join(out, 'campaigns/digits/0001')).filter(({ event }) => event === 'resume'),
    ).toHaveLength(3);
    expect(readdirSync(join(out, 'campaigns/loss')).sort().at(-1)).toBe('0003');
    expect(nights[1].stderr).toMatch(
      /loss starts over with its old corpus and findings: the model has changed since/,
    );
    const journal = (number: string): string[] =>
      readFileSync(join(out, 'campaigns/loss', number, 'corpus/journal.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id);
    const then = new Set(journal('0003'));
    expect(journal('0002').filter((id) => then.has(id)).length).toBeGreaterThan(journal('0002').length / 2);
  });

  test('reports of the last night lie above all, those of each in its own folder, and as many nights as are kept', async () => {
    for (const place of [out, join(out, 'nights', nights[3].result.night)]) {
      expect(await junitFaults(readFileSync(join(place, 'junit.xml'), 'utf8'))).toEqual([]);
      expect(sarifFaults(readFileSync(join(place, 'report.sarif'), 'utf8'))).toEqual([]);
      expect(readFileSync(join(place, 'comment.md'), 'utf8')).toMatch(
        /^<!-- neurofuzz-comment: neurofuzz-nightly -->\n/,
      );
      expect(readFileSync(join(place, 'summary.md'), 'utf8')).toMatch(
        / run: 0 new faults, \d known, 1 fixed/,
      );
      const html = readFileSync(join(place, 'report.html'), 'utf8');
      expect(html).toMatch(
        /<span class="badge fixed">fixed<\/span><\/td><td class="word"><span>assert-learns/,
      );
    }
    expect(readdirSync(join(out, 'nights'))).toHaveLength(3);
  });

  test('SARIF keeps the fingerprint of a fault from night to night', () => {
    const prints = [1, 2].map((i) => {
      const text = readFileSync(join(out, 'nights', nights[i].result.night, 'report.sarif'), 'utf8');
      const { results } = JSON.parse(text).runs[0];
      const own = results.find(({ ruleId }: { ruleId: string }) => ruleId === 'assert');
      return [own.partialFingerprints, own.baselineState];
    });
    expect(prints[0][0]).toEqual(prints[1][0]);
    expect(prints.map(([, state]) => state)).toEqual(['new', 'unchanged']);
  });

  test('the replay command of each report works where the night ran', async () => {
    const { results } = JSON.parse(
      readFileSync(join(out, 'nights', nights[1].result.night, 'report.sarif'), 'utf8'),
    ).runs[0];
    const { replay } = results.find(({ ruleId }: { ruleId: string }) => ruleId === 'nonfinite').properties;
    const words = replay.split(' ');
    const { code, stdout } = await neurofuzz(words.slice(words.indexOf('replay')));
    expect([code, stdout]).toEqual([1, expect.stringMatching(/nonfinite-inf-log/)]);
    for (const file of ['report.html', 'summary.md']) {
      const text = readFileSync(join(out, 'nights', nights[1].result.night, file), 'utf8');
      const fresh = nights[1].result.campaigns.flatMap(({ faults }) =>
        faults.filter(({ state }) => state === 'new'),
      );
      expect(fresh.map(({ replay: line }) => text.includes(line))).toEqual(fresh.map(() => true));
      expect(fresh.length).toBeGreaterThan(0);
    }
  });

  test('the commands for issues are printed, and run only where they are asked for', async () => {
    const { code, stdout } = await neurofuzz(['nightly', file, '--issues']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/gh issue list --state open .*"neurofuzz: loss: assert-learns"/);
    expect(stdout).toMatch(/gh issue close "\$number" --comment 'Fixed: /);
    expect(stdout).not.toContain('gh issue create');
    expect(readdirSync(join(out, 'nights'))).toHaveLength(3);
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'gh'), `#!/bin/sh\necho "$2" >> '${join(folder, 'gh.log')}'\n`, { mode: 0o755 });
    const PATH = `${bin}${delimiter}${process.env.PATH}`;
    const applied = await start(['nightly', file, '--issues', '--apply'], process.cwd(), { PATH }).ended;
    expect(applied).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(join(folder, 'gh.log'), 'utf8')).toBe('create\nlist\n');
  });

  test.each([
    [['--apply'], /--apply runs the commands of --issues: give both/],
    [['--issues', '--json'], /'--issues' cannot be used with option '--json'/],
  ])('%j is refused', async (flags, message) => {
    const { code, stderr } = await neurofuzz(['nightly', file, ...flags]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test("a new fault's finding is made smaller", () => {
    const { campaigns } = readJson(out, 'nights', nights[1].result.night, 'summary.json');
    const loss = campaigns.find(({ name }: { name: string }) => name === 'loss');
    expect(readJson(loss.faults[0].path, 'finding.json').minimized).toBeDefined();
  });
});

describe('a night that is disturbed', () => {
  const lone = (name: string, text: string): string => {
    const path = join(folder, `${name}.yaml`);
    writeFileSync(path, text);
    return path;
  };

  const digits = 'config: corpora/nan-digits/campaign.yaml, jobs: 1';

  test('is killed: the next one goes on', async () => {
    const path = lone('killed', `time: 10m\nout: killed\ncampaigns: { digits: { ${digits}, seed: 'k' } }`);
    const campaign = join(folder, 'killed/campaigns/digits/0001');
    const running = start(['nightly', path, '--quiet']);
    await amid(running, 'a finding', () => confirmedFindings(campaign, 'nonfinite-inf-log').length > 0);
    running.child.kill('SIGKILL');
    await running.ended;
    expect(existsSync(join(folder, 'killed/report.html'))).toBe(false);
    const [finding] = confirmedFindings(campaign, 'nonfinite-inf-log');
    const found = readFileSync(join(finding, 'finding.json'), 'utf8');
    writeFileSync(path, readFileSync(path, 'utf8').replace('seed:', 'execs: 2000, seed:'));
    const { code, result } = await night(path);
    expect(code).toBe(1);
    expect(resolve(result.campaigns[0].folder)).toBe(campaign);
    expect(eventsOf(campaign).map(({ event }) => event)).toContain('resume');
    expect(states(result, 'digits')['nonfinite-inf-log']).toBe('new');
    expect(readFileSync(join(finding, 'finding.json'), 'utf8')).toBe(found);
  });

  test('is asked to end: it ends in order and is reported', async () => {
    const path = lone(
      'ended',
      `time: 10h\nout: ended\ncampaigns: { digits: { ${digits}, seed: '1' }, other: { ${digits}, seed: '1' } }`,
    );
    const running = start(['nightly', path, '--json', '--quiet']);
    const campaign = join(folder, 'ended/campaigns/digits/0001');
    await amid(running, 'the start of its first campaign', () => sessionsOf(campaign) === 1);
    running.child.kill('SIGTERM');
    const { code, stdout } = await running.ended;
    const { fresh, campaigns, failures }: Night = JSON.parse(stdout);
    expect(code).toBe(fresh > 0 ? 1 : 0);
    expect([campaigns.map(({ name }) => name), failures]).toEqual([['digits'], []]);
    expect(eventsOf(campaign).at(-1)).toMatchObject({ event: 'stop', stopped: 'interrupted' });
    expect(readFileSync(join(folder, 'ended/summary.md'), 'utf8')).toContain('ended before its time was up');
  });

  test('a second one on the same folder is refused', async () => {
    const path = lone('twice', `time: 10h\nout: twice\ncampaigns: { digits: { ${digits}, seed: '1' } }`);
    const running = start(['nightly', path, '--quiet']);
    const campaign = join(folder, 'twice/campaigns/digits/0001');
    await amid(running, 'the start of its campaign', () => sessionsOf(campaign) === 1);
    const second = await neurofuzz(['nightly', path]);
    expect(second).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`is in use by process ${running.child.pid}:`),
    });
    running.child.kill('SIGKILL');
    await running.ended;
  });

  test('one campaign cannot run: the others do, and the night is not green', async () => {
    const path = lone(
      'wrong',
      `time: 10m\nout: wrong\ncampaigns: { gone: { model: gone.onnx }, loss: { config: corpora/broken-loss/campaign-repaired.yaml, execs: 1000, seed: '1' } }`,
    );
    const { code, stderr, result } = await night(path);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^neurofuzz: gone could not run: .*gone\.onnx/m);
    expect(result.campaigns.map(({ name }) => name)).toEqual(['loss']);
    expect(readFileSync(join(folder, 'wrong/junit.xml'), 'utf8')).toMatch(
      /classname="gone" name="ran".*\n *<error/,
    );
    expect(readFileSync(join(folder, 'wrong/summary.md'), 'utf8')).toContain('gone could not run');
  });

  test('a finding is damaged: it is named, the others are reported, and nothing is taken for fixed', async () => {
    const path = lone(
      'damaged',
      `time: 10m\nout: damaged\nminimize: 0\ncampaigns: { digits: { ${digits}, gradients: 'off', execs: 6000, seed: '5' }, loss: { config: corpora/broken-loss/campaign.yaml, execs: 1000, seed: '1' } }`,
    );
    await night(path);
    const [finding] = findingFolders(join(folder, 'damaged/campaigns/digits/0001'));
    writeFileSync(join(finding, 'finding.json'), '{');
    const { code, stderr, result } = await night(path);
    expect(code).toBe(0);
    expect(stderr).toMatch(/finding.json is damaged: the finding is now in findings\/damaged\//);
    expect(result.campaigns.map(({ name, fixed }) => [name, fixed])).toEqual([
      ['digits', []],
      ['loss', []],
    ]);
    expect(readJson(folder, 'damaged/baselines/digits.json').faults).toHaveLength(1);
  });

  test('a night that ran too little is no green one', async () => {
    const path = lone(
      'little',
      `time: 10m\nout: little\ncampaigns: { loss: { config: corpora/broken-loss/campaign-repaired.yaml, execs: 1000, minExecs: 2000, seed: '1' } }`,
    );
    expect(await night(path)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('fewer than minExecs'),
    });
  });

  test('a corpus that has grown past its bound is distilled, and the next night goes on from that', async () => {
    const path = lone(
      'grown',
      `time: 10m\nout: grown\nminimize: 0\ndistill: 300\ncampaigns: { digits: { ${digits}, execs: 6000, seed: 'g' } }`,
    );
    await night(path);
    const first = join(folder, 'grown/campaigns/digits/0001');
    expect(readJson(first, 'stats.json').corpus).toBeGreaterThan(300);
    const { code, result } = await night(path);
    expect(code).toBe(0);
    const distilled = readJson(`${first}-distilled`, 'distilled.json');
    expect(distilled.kept).toBeLessThanOrEqual(150);
    expect(result.campaigns[0].folder).toMatch(/0002$/);
    expect(states(result, 'digits')['nonfinite-inf-log']).toBe('known');
  });
});

describe('a nightly file that makes no sense is refused in a line', () => {
  const campaign = 'campaigns: { a: { model: a.onnx } }';
  test.each([
    ['no mapping', '- 1', /is not a nightly file/],
    ['no time', campaign, /time must be/],
    ['a wrong time', `time: tomorrow\n${campaign}`, /time must be a time such as 90s/],
    ['no campaigns', 'time: 1s\ncampaigns: {}', /campaigns must name one/],
    ['an unknown key', `time: 1s\nkeeps: 3\n${campaign}`, /unknown setting keeps: did you mean keep/],
    [
      'an unknown setting',
      'time: 1s\ncampaigns: { a: { model: a.onnx, linff: 1 } }',
      /campaigns\.a: unknown setting linff/,
    ],
    [
      'a wrong setting',
      'time: 1s\ncampaigns: { a: { model: a.onnx, linf: -1 } }',
      /campaigns\.a: linf must be above 0/,
    ],
    [
      'a share of nothing',
      'time: 1s\ncampaigns: { a: { model: a.onnx, share: 0 } }',
      /must have a share above 0/,
    ],
    ['no model', 'time: 1s\ncampaigns: { a: { linf: 1 } }', /campaigns\.a has no model/],
    [
      'a folder of its own',
      'time: 1s\ncampaigns: { a: { model: a.onnx, out: x } }',
      /out is not allowed in a nightly file/,
    ],
    ['a path for a name', 'time: 1s\ncampaigns: { ../a: { model: a.onnx } }', /must have a name of letters/],
    [
      'no such campaign file',
      'time: 1s\ncampaigns: { a: { config: none.yaml } }',
      /cannot read the campaign file .*none\.yaml/,
    ],
    ['nights of nothing', `time: 1s\nkeep: 0 nights\n${campaign}`, /keep must be a number of nights/],
  ])('%s', async (name, text, message) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.yaml`);
    writeFileSync(path, text);
    await expect(readNightlyFile(path)).rejects.toThrow(message);
    await expect(readNightlyFile(path)).rejects.toThrow(UserError);
  });

  test('issues of a folder without a night', async () => {
    const path = join(folder, 'none-yet.yaml');
    writeFileSync(path, `time: 1s\nout: none-yet\n${campaign}`);
    const { code, stderr } = await neurofuzz(['nightly', path, '--issues']);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/none-yet has no night: run neurofuzz nightly/),
    ]);
  });

  test('a folder that cannot be written', async () => {
    mkdirSync(join(folder, 'blocked'));
    writeFileSync(join(folder, 'blocked', 'file'), '');
    const path = join(folder, 'blocked.yaml');
    writeFileSync(path, `time: 1s\nout: blocked/file/x\n${campaign}`);
    const { code, stderr } = await neurofuzz(['nightly', path]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^neurofuzz: cannot create the nightly folder .*\n$/),
    ]);
  });
});
