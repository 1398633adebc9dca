import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ThreatChecker } from '../../src/campaign/obeys.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson, writeFinding } from '../support/campaign.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeGreatestOnnx, writeSeeds } from '../support/models.ts';
import { junitFaults, sarifFaults } from '../support/schemas.ts';

const folder = testFolder();
const model = writeGreatestOnnx(folder, false);

// The class of a row is the place of its greatest value. The last value is fixed by a mask.
const rows = [
  [0.36, 0.3, 0.2, 0.1],
  [0.3, 0.38, 0.2, 0.1],
  [0.38, 0.3, 0.25, 0.2],
  [0.2, 0.3, 0.4, 0.1],
];
writeSeeds(folder, rows, 'rows.npz');
writeFileSync(join(folder, 'labels.txt'), '0\n1\n0\n2\n');
writeFileSync(
  join(folder, 'mask.npy'),
  encodeNpy({ type: 'uint8', shape: [4], data: Uint8Array.of(0, 0, 0, 1) }),
);

const BLOCK = {
  goal: { kind: 'targeted', to: [1, 2], from: [0, 2] },
  may: 'content-preserving',
  limits: { linf: 0.1, range: [0, 1], fixed: 'mask.npy' },
};
const SETTINGS = { model, seeds: 'rows.npz', labels: 'labels.txt', execs: 6000, seed: 'obeys', keep: 60 };

function campaignFile(name: string, settings: object): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(settings));
  return path;
}

const out = join(folder, 'honest');
const file = campaignFile('honest.yaml', { ...SETTINGS, threatModel: BLOCK });
let honest: string[];
let summary: { readonly threatModel: object };

beforeAll(async () => {
  const { code, stdout } = await neurofuzz(['fuzz', '-c', file, '-o', out, '--json', '--quiet']);
  expect(code).toBe(1);
  summary = JSON.parse(stdout);
  honest = findingFolders(out);
});

describe('findings of a campaign with a threat model', () => {
  test('obey it, and say by which clauses', async () => {
    expect(honest.length).toBeGreaterThanOrEqual(50);
    expect(summary.threatModel).toMatchObject({ checked: honest.length, outside: 0, byClause: {} });
    const checker = await ThreatChecker.open(out);
    const broken = honest.map((path) => readJson(path, 'finding.json').threat.success.seeds);
    // Each finding says how many of the seeds were broken by then.
    expect([Math.min(...broken), Math.max(...broken)]).toEqual([1, 3]);
    for (const path of honest) {
      expect(checker?.check(path)).toMatchObject({ unchecked: [], broken: [] });
      expect(readJson(path, 'finding.json').threat).toEqual({
        obeys: true,
        clauses: ['limits.linf', 'limits.range', 'limits.fixed', 'may', 'goal.kind', 'goal.to', 'goal.from'],
        starts: 'given',
        success: { seeds: expect.any(Number), of: 3 },
        block: checker?.block,
      });
    }
  });

  test('are the same on one worker and on four', async () => {
    const four = join(folder, 'four');
    await neurofuzz(['fuzz', '-c', file, '-o', four, '--quiet', '-j', '4']);
    expect(digests(four, 'corpus', 'findings')).toEqual(digests(out, 'corpus', 'findings'));
  });
});

/** A finding that can be changed: its record, and its values with those of its seed. */
interface Editable {
  // biome-ignore lint/suspicious/noExplicitAny: tests change what they know to be there
  readonly finding: Record<string, any>;
  readonly x: Float32Array;
  readonly seed: Float32Array;
}

/** Changes to a finding, by the first clause that each breaks. */
const TAMPERINGS: Readonly<Record<string, (editable: Editable) => void>> = {
  'limits.linf': ({ x, seed }) => {
    x[0] = seed[0] + 0.1001;
  },
  'limits.fixed': ({ x }) => {
    x[3] += 1e-6;
  },
  may: ({ finding }) => {
    finding.mutators.push('x:splice');
  },
  'goal.to': ({ finding }) => {
    finding.violation.details.class = 3;
  },
  'goal.from': ({ finding }) => {
    finding.label = 1;
  },
  id: ({ x, seed }) => {
    x[0] += x[0] > seed[0] ? -1e-6 : 1e-6;
  },
  block: ({ finding }) => {
    finding.threat.block = '0123456789abcdef';
  },
};

test('of more than 200 that were tampered with, all are refused, with the clause', async () => {
  const tampered = join(folder, 'tampered');
  cpSync(out, tampered, { recursive: true });
  const checker = await ThreatChecker.open(tampered);
  let count = 0;
  for (const path of findingFolders(tampered)) {
    const bytes = readFileSync(join(path, 'input.npz'));
    const text = readFileSync(join(path, 'finding.json'), 'utf8');
    const seedFile = join(tampered, 'corpus', `${JSON.parse(text).ancestor}.npz`);
    const seed = decodeNpz(readFileSync(seedFile), seedFile).get('x')?.data as Float32Array;
    for (const [clause, tamper] of Object.entries(TAMPERINGS)) {
      const finding = JSON.parse(text);
      const arrays = decodeNpz(bytes, path);
      tamper({ finding, x: arrays.get('x')?.data as Float32Array, seed });
      writeFileSync(join(path, 'input.npz'), encodeNpz(arrays));
      writeFinding(path, finding);
      expect([path, checker?.check(path).broken[0]?.clause]).toEqual([path, clause]);
      count++;
    }
    writeFileSync(join(path, 'input.npz'), bytes);
    writeFinding(path, JSON.parse(text));
    expect(checker?.check(path).broken).toEqual([]);
  }
  expect(count).toBeGreaterThanOrEqual(200);
});

test('records that do not hold a finding are refused, and their ids lead to no other file', async () => {
  const copy = join(folder, 'hostile');
  cpSync(out, copy, { recursive: true });
  const [path] = findingFolders(copy);
  const finding = readJson(path, 'finding.json');
  const checker = await ThreatChecker.open(copy);
  const refusal = (record: object) => {
    writeFinding(path, record);
    return checker?.check(path).broken;
  };
  for (const key of ['id', 'ancestor', 'parent'])
    expect(refusal({ ...finding, [key]: '../../secret' })).toEqual([
      { clause: 'record', breach: expect.stringMatching(/"\.\.\/\.\.\/secret" is not an id/) },
    ]);
  expect(refusal({ ...finding, violation: {} })).toMatchObject([{ clause: 'record' }]);
  expect(refusal({ ...finding, mutators: 7 })).toMatchObject([{ clause: 'record' }]);
  writeFileSync(join(path, 'input.npz'), 'no archive');
  expect(refusal(finding)).toMatchObject([{ clause: 'record' }]);
  const { code, stdout } = await neurofuzz(['report', copy, '-o', join(folder, 'hostile.html'), '--json']);
  expect({ code, isJson: stdout.startsWith('{') }).toEqual({ code: 0, isJson: true });
});

test('replay refuses one that was tampered with, in one line, and runs the others', async () => {
  const copy = join(folder, 'replayed');
  cpSync(out, copy, { recursive: true });
  const [bad, ...others] = findingFolders(copy);
  for (const path of others.slice(2)) rmSync(path, { recursive: true });
  const finding = readJson(bad, 'finding.json');
  finding.violation.details.class = 3;
  writeFinding(bad, finding);
  const alone = await neurofuzz(['replay', bad]);
  expect(alone).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is outside the threat model: goal\.to: the class is 3, not 1 or 2\n$/),
  });
  const all = await neurofuzz(['replay', copy]);
  expect(all.code).toBe(1);
  expect(all.stdout.match(/^still broken 10\/10/gm)).toHaveLength(2);
  expect(all.stdout).toMatch(/^cannot run .*outside the threat model: goal\.to/m);
  rmSync(join(copy, 'corpus'), { recursive: true });
  const { stdout } = await neurofuzz(['replay', others[0]]);
  expect(stdout).toMatch(
    /not checked against the threat model, since files are missing: limits\.linf, limits\.fixed/,
  );
});

test('minimize keeps all clauses', async () => {
  const copy = join(folder, 'minimized');
  cpSync(out, copy, { recursive: true });
  const [first] = findingFolders(copy);
  const { code } = await neurofuzz(['minimize', first, '--quiet']);
  expect(code).toBe(0);
  const checker = await ThreatChecker.open(copy);
  const smaller = findingFolders(copy).filter((path) => !existsSync(path.replace(copy, out)));
  expect(smaller.length).toBeGreaterThan(0);
  for (const path of smaller) {
    expect(checker?.check(path)).toMatchObject({ unchecked: [], broken: [] });
    expect(readJson(path, 'finding.json').threat.obeys).toBe(true);
  }
});

test('a finding that does not obey goes to findings/outside, and the command ends with 3', async () => {
  const plugin = join(folder, 'third.mjs');
  // An objective that takes any mutant for one of class 3, which is not a class of the goal.
  writeFileSync(
    plugin,
    `export default {
  name: 'third',
  help: 'a planted lie',
  parameters: [],
  make: () => ({
    judge(run, report) {
      for (let row = 0; row < run.rows; row++)
        if (run.outputs[0].data[4 * row] > 0.4)
          report(row, { summary: 'third', details: { label: 0, class: 3 } });
    },
  }),
};\n`,
  );
  const threatModel = { ...BLOCK, goal: { kind: 'targeted', to: [1] } };
  const { labels: _, ...unlabelled } = SETTINGS;
  const path = campaignFile('third.yaml', {
    ...unlabelled,
    keep: 3,
    execs: 500,
    threatModel,
    objective: plugin,
  });
  const target = join(folder, 'third');
  const { code, stdout, stderr } = await neurofuzzProcess([
    'fuzz',
    '-c',
    path,
    '-o',
    target,
    '--json',
    '--quiet',
  ]);
  expect({ code, stderr }).toEqual({
    code: 3,
    stderr: expect.stringMatching(
      /3 of 3 findings outside the threat model \(goal\.to: 3\): see findings\/outside/,
    ),
  });
  expect(JSON.parse(stdout)).toMatchObject({
    findings: { signatures: [] },
    threatModel: { checked: 3, outside: 3, byClause: { 'goal.to': 3 } },
  });
  const outside = readdirSync(join(target, 'findings', 'outside', 'third'));
  expect(outside).toHaveLength(3);
  const record = readJson(target, 'findings', 'outside', 'third', outside[0], 'finding.json');
  expect(record).toMatchObject({
    threat: { obeys: false, broken: [{ clause: 'goal.to', breach: 'the class is 3, not 1' }] },
    replay: `neurofuzz replay findings/outside/third/${outside[0]}`,
  });
  expect((await neurofuzz(['triage', target])).stdout).not.toMatch(/third/);
  const resumed = await neurofuzzProcess([
    'fuzz',
    '--resume',
    '-c',
    path,
    '-o',
    target,
    '-n',
    '1000',
    '--quiet',
  ]);
  expect(resumed.code).toBe(3);
  expect(readdirSync(join(target, 'findings', 'outside', 'third'))).toEqual(outside);
});

test('a night with a finding that does not obey reports its campaign as failed, and ends with 3', async () => {
  const night = join(folder, 'night.yaml');
  const { labels: _, keep: _keep, ...settings } = SETTINGS;
  const threatModel = { ...BLOCK, goal: { kind: 'targeted', to: [1] } };
  const campaign = { ...settings, execs: 300, threatModel, objective: join(folder, 'third.mjs'), jobs: 1 };
  writeFileSync(
    night,
    JSON.stringify({ out: join(folder, 'night'), time: '60s', campaigns: { third: campaign } }),
  );
  const { code, stderr, stdout } = await neurofuzzProcess(['nightly', night]);
  expect({ code, text: stderr + stdout }).toEqual({
    code: 3,
    text: expect.stringMatching(
      /third could not run: \d of \d findings outside the threat model \(goal\.to: \d\)/,
    ),
  });
});

test('a finding of an earlier generation that does not obey is moved at the end', async () => {
  const copy = join(folder, 'moved');
  cpSync(out, copy, { recursive: true });
  const [first] = findingFolders(copy);
  writeFinding(first, { ...readJson(first, 'finding.json'), mutators: ['x:negate'] });
  const { code, stderr } = await neurofuzz(['fuzz', '--resume', '-o', copy, '-n', '6001', '--quiet']);
  expect({ code, stderr }).toEqual({
    code: 3,
    stderr: expect.stringMatching(/outside the threat model \(may: 1\)/),
  });
  expect(existsSync(first)).toBe(false);
  expect(existsSync(join(copy, 'findings', 'outside', basename(dirname(first)), basename(first)))).toBe(true);
});

test('reports begin with the threat model, and leave out findings that do not obey', async () => {
  const copy = join(folder, 'reported');
  cpSync(out, copy, { recursive: true });
  const [bad] = findingFolders(copy);
  writeFinding(bad, { ...readJson(bad, 'finding.json'), mutators: ['x:mirror'] });
  const [html, junit, sarif, markdown] = ['r.html', 'r.xml', 'r.sarif', 'r.md'].map((name) =>
    join(folder, name),
  );
  const flags = ['-o', html, '--junit', junit, '--sarif', sarif, '--markdown', markdown];
  expect((await neurofuzz(['report', copy, ...flags])).code).toBe(0);
  const goal = 'The attacker wants an input of classes 0, 2 to get classes 1, 2.';
  const breach =
    /1 finding outside the threat model, not shown: findings\/misclassified-logits\/\w+ \(may: x:mirror/;
  for (const file of [html, junit, sarif, markdown]) {
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(goal);
    expect(text).toMatch(/threat model: misclassified: \d of 3 wrong under attack/);
    expect(text).toMatch(file === markdown ? /1 finding outside the threat model, not shown/ : breach);
  }
  expect(await junitFaults(readFileSync(junit, 'utf8'))).toEqual([]);
  expect(sarifFaults(readFileSync(sarif, 'utf8'))).toEqual([]);
});
