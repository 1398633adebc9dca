import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  BUNDLED,
  checkpointOf,
  digests,
  eventsOf,
  readJson,
  savedExecs,
  sessionsOf,
} from '../support/campaign.ts';
import { amid, type Ended, neurofuzz, start, until } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeLoopOnnx, writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();

/** Starts a command and kills it some milliseconds after it has begun to write, unless it ends before. */
async function killed(args: readonly string[], out: string, milliseconds: number): Promise<Ended> {
  const before = sessionsOf(out);
  const running = start(args);
  await until('the start of a session', () => sessionsOf(out) > before, running);
  const timer = setTimeout(() => running.child.kill('SIGKILL'), milliseconds);
  return running.ended.finally(() => clearTimeout(timer));
}

/** Mutants of the campaign that is killed, cut in parts and resumed: enough for checkpoints on the way. */
const EXECS = 36_000;

describe('one seed, 36,000 mutants', () => {
  const args = [...BUNDLED, '-s', 'same', '-n', String(EXECS), '--keep', '2'];
  const reference = join(folder, 'jobs-1');
  let expected: Record<string, string>;

  beforeAll(async () => {
    expect((await neurofuzz([...args, '-j', '1', '-o', reference])).code).toBe(1);
    expected = digests(reference, 'corpus', 'findings');
    const findings = Object.keys(expected).filter((path) => path.endsWith('finding.json'));
    const signatures = new Set(findings.map((path) => path.split('/')[1]));
    expect(signatures.size).toBeGreaterThan(0);
    expect(findings.length).toBe(2 * signatures.size);
    expect(readJson(reference, 'stats.json').execs).toBe(EXECS);
  });

  test.each(['2', '5'])('end in the same bytes on %s workers', async (jobs) => {
    const out = join(folder, `jobs-${jobs}`);
    expect((await neurofuzz([...args, '-j', jobs, '-o', out])).code).toBe(1);
    expect(digests(out, 'corpus', 'findings')).toEqual(expected);
  });

  test('end in the same bytes when killed in the middle and resumed', async () => {
    const out = join(folder, 'killed');
    const running = start([...args, '-j', '2', '-o', out]);
    await amid(running, 'a checkpoint on the way', () => savedExecs(out) > 0);
    running.child.kill('SIGKILL');
    expect((await running.ended).code).toBe(null);
    expect(savedExecs(out)).toBeLessThan(EXECS);
    const { code } = await neurofuzz(['fuzz', '--resume', '-o', out, '-j', '3', '--quiet']);
    expect(code).toBe(1);
    expect(digests(out, 'corpus', 'findings')).toEqual(expected);
    expect(eventsOf(out).map(({ event }) => event)).toContain('resume');
  });

  test('end in the same bytes when done in two parts, --execs being a total', async () => {
    const out = join(folder, 'parts');
    await neurofuzz([...args, '-n', '24000', '-o', out]);
    expect(readJson(out, 'stats.json').execs).toBe(24_000);
    const rest = await neurofuzz(['fuzz', '--resume', '-o', out, '-n', String(EXECS), '--quiet']);
    expect(rest.code).toBe(1);
    expect(digests(out, 'corpus', 'findings')).toEqual(expected);
  });

  test('are done when they are done: resuming changes nothing', async () => {
    const { code, stdout } = await neurofuzz(['fuzz', '--resume', '-o', reference, '--json', '--quiet']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ execs: EXECS, stopped: 'execs' });
    expect(digests(reference, 'corpus', 'findings')).toEqual(expected);
  });
});

test('killed at fifteen moments and resumed each time, a campaign ends as if it never was', async () => {
  const args = [...BUNDLED, '-s', 'moments', '-n', '36000', '--keep', '2', '--gradients', 'off'];
  const [whole, out] = [join(folder, 'whole'), join(folder, 'moments')];
  await neurofuzz([...args, '-j', '1', '-o', whole]);
  let kills = 0;
  let command = [...args, '-o', out];
  for (let ended = false; kills < 15 && !ended; command = ['fuzz', '--resume', '-o', out, '--quiet']) {
    // Every third session has two workers: one of the kills takes tasks that another worker had begun.
    const jobs = kills % 3 === 0 ? '2' : '1';
    const { code, stderr } = await killed([...command, '-j', jobs], out, (97 * kills) % 300);
    expect(stderr).toBe('');
    if (code === null) kills++;
    else ended = true;
  }
  expect(kills).toBeGreaterThan(5);
  await neurofuzz(command);
  expect(digests(out, 'corpus', 'findings')).toEqual(digests(whole, 'corpus', 'findings'));
  const processes = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  expect(processes).not.toContain(out);
});

describe('resuming', () => {
  const model = writeSoftmaxOnnx(folder);
  const seeds = writeSeeds(folder, [[0, 0.5, 0.2, 1]]);
  const base = [
    'fuzz',
    model,
    '-i',
    seeds,
    '--range=0,1',
    '--linf',
    '0.3',
    '-n',
    '20000',
    '-s',
    '1',
    '--quiet',
  ];
  const first = join(folder, 'first');

  beforeAll(async () => {
    expect((await neurofuzz([...base, '-o', first])).code).toBe(0);
  });

  const copy = async (name: string): Promise<string> => {
    const out = join(folder, name);
    await cp(first, out, { recursive: true });
    return out;
  };

  test('takes the flags of the first time again, or none', async () => {
    for (const flags of [base, ['fuzz', '--quiet'], ['fuzz', model, '--quiet']]) {
      expect(await neurofuzz([...flags, '--resume', '-o', first])).toMatchObject({ code: 0, stderr: '' });
    }
  });

  test.each([
    [['--linf', '0.2'], /--resume: linf was 0\.3 and is now 0\.2;/],
    [['-s', '2'], /--resume: seed was "1" and is now "2";/],
    [['--scheduler', 'uniform'], /--resume: scheduler was "yield" and is now "uniform";/],
    [['--keep', '9'], /--resume: keep was 5 and is now 9;/],
    [['--batch', '32'], /--resume: batch was 256 and is now 32;/],
  ])('refuses %j, naming it', async (flags, words) => {
    const before = digests(first, '.');
    const { code, stderr } = await neurofuzz(['fuzz', '--resume', '-o', first, ...flags, '--quiet']);
    expect(code).toBe(2);
    expect(stderr).toMatch(words);
    expect(stderr).toMatch(/undo this, start over with --overwrite, or start another campaign with --out\n$/);
    expect(digests(first, '.')).toEqual(before);
  });

  test('refuses another model or other seeds in the same place', async () => {
    const [mine, yours] = [join(folder, 'mine.onnx'), join(folder, 'mine.npz')];
    await cp(model, mine);
    await cp(seeds, yours);
    const out = join(folder, 'changing');
    await neurofuzz(['fuzz', mine, '-i', yours, '--range=0,1', '-n', '500', '-s', '1', '-o', out, '--quiet']);
    const kept = readFileSync(mine);
    writeFileSync(mine, Buffer.concat([kept, Buffer.from([0x12, 0x01, 0x61])]));
    const changed = await neurofuzz(['fuzz', '--resume', '-o', out, '--quiet']);
    expect(changed).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--resume: the model has changed since/),
    });
    writeFileSync(mine, kept);
    writeSeeds(folder, [[0, 0.5, 0.3, 1]], 'mine.npz');
    const other = await neurofuzz(['fuzz', '--resume', '-o', out, '--quiet']);
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--resume: the seeds have changed since/),
    });
  });

  test('refuses a folder without a campaign, and without a folder at all', async () => {
    const none = await neurofuzz(['fuzz', '--resume', '-o', join(folder, 'none'), '--quiet']);
    expect(none).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/none has no campaign: remove --resume/),
    });
    const unnamed = await neurofuzz(['fuzz', '--resume', '--quiet']);
    expect(unnamed).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/name the campaign's folder with --out/),
    });
  });

  test('names a damaged testcase and journal line, sets them aside and goes on', async () => {
    const out = await copy('damaged');
    const names = readdirSync(join(out, 'corpus')).filter((name) => name.endsWith('.npz'));
    const journal = join(out, 'corpus', 'journal.jsonl');
    const lines = readFileSync(journal, 'utf8').trim().split('\n');
    const victim = JSON.parse(lines[3]).id;
    writeFileSync(join(out, 'corpus', `${victim}.npz`), 'damaged');
    lines[5] = `#${lines[5].slice(1)}`;
    writeFileSync(journal, `${lines.join('\n')}\n`);
    appendFileSync(journal, '{"torn');
    const { code, stderr } = await neurofuzz([
      'fuzz',
      '--resume',
      '-o',
      out,
      '-n',
      '30000',
      '--log-level',
      'warn',
    ]);
    expect(code).toBe(0);
    const said = stderr
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\S+ {2}warning: /, ''));
    expect(said.sort()).toEqual([
      `corpus/${victim}.npz is damaged: it is now in corpus/damaged/`,
      'line 6 of corpus/journal.jsonl is damaged',
    ]);
    const damaged = readdirSync(join(out, 'corpus', 'damaged'));
    expect(damaged).toContain(`${victim}.npz`);
    expect(damaged).toContain('journal.jsonl');
    expect(readJson(out, 'stats.json').execs).toBe(30_000);
    const after = readFileSync(journal, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id);
    expect(after).not.toContain(victim);
    expect(after.length).toBeGreaterThanOrEqual(names.length - 2);
    expect((await neurofuzz(['fuzz', '--resume', '-o', out, '-n', '31000', '--quiet'])).stderr).toBe('');
  });

  test('goes on without its stored activations, and from the checkpoint before a damaged one', async () => {
    const whole = await copy('resumed-whole');
    const out = await copy('resumed-poor');
    rmSync(join(out, 'state', 'activations.f32'));
    writeFileSync(join(out, 'state', 'checkpoint.json'), '{"formatVersion":');
    for (const path of [whole, out]) {
      expect((await neurofuzz(['fuzz', '--resume', '-o', path, '-n', '30000', '--quiet'])).code).toBe(0);
    }
    const entered = (path: string) =>
      Object.keys(digests(path, 'corpus')).filter((name) => name.endsWith('.npz'));
    expect(entered(out).length).toBeGreaterThan(50);
    expect(entered(out)).toEqual(entered(whole));
    expect(eventsOf(out).filter(({ event }) => event === 'damage').length).toBe(2);
  });
});

test('a second process on a campaign is refused with 2, and gets it when the first is dead', async () => {
  const out = join(folder, 'owned');
  const running = start([...BUNDLED, '-s', '1', '-o', out]);
  await amid(running, 'a checkpoint', () => checkpointOf(out) !== undefined);
  for (const flags of [['--resume'], []]) {
    const second = await neurofuzz([...BUNDLED, '-s', '1', '-o', out, ...flags]);
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(
      /^neurofuzz: \S+owned (is in use by process \d+|already contains a campaign): [^\n]+\n$/,
    );
  }
  running.child.kill('SIGKILL');
  await running.ended;
  const enough = String(savedExecs(out) + 1000);
  const third = await neurofuzz(['fuzz', '--resume', '-o', out, '-n', enough, '--quiet']);
  expect([0, 1]).toContain(third.code);
  expect(existsSync(join(out, 'lock'))).toBe(false);
});

describe('Ctrl-C', () => {
  test('ends in order though the model does not, and says how to go on', async () => {
    const out = join(folder, 'stuck');
    const seeds = join(folder, 'stuck.json');
    writeFileSync(seeds, '[[5000, 5000, 5000, 5000]]');
    const model = writeLoopOnnx(folder, 5600);
    const flags = ['--range=0,10000', '--threshold', '1', '-s', '1', '--timeout', '10m'];
    const running = start(['fuzz', model, '-i', seeds, ...flags, '-o', out]);
    // Seconds after its start there are new checkpoints, and they are of the same moment: the model is at it.
    let [seconds, execs] = [0, -1];
    await amid(running, 'a run without end', () => {
      const latest = checkpointOf(out);
      if (latest === undefined || latest.elapsedSeconds < 2 * seconds + 1) return false;
      const isStuck = latest.state.execs === execs;
      [seconds, execs] = [latest.elapsedSeconds, latest.state.execs];
      return isStuck;
    });
    running.child.kill('SIGINT');
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^interrupted: /);
    expect(stdout).toMatch(/\nresume: node \S+ fuzz --resume --out \S+stuck\n/);
    // The hang would have been waited for: ten minutes.
    expect(eventsOf(out).map(({ event }) => event)).toEqual(['start', 'stop']);
  });

  test('before there is a campaign leaves nothing and exits with 130', async () => {
    const out = join(folder, 'early');
    const seeds = join(folder, 'early.json');
    writeFileSync(seeds, '[[9000, 9000, 9000, 9000]]');
    // The campaign begins when the seed has been run, and that has no end.
    const flags = ['--range=0,10000', '--timeout', '10m'];
    const running = start(['fuzz', writeLoopOnnx(folder, 5600), '-i', seeds, ...flags, '-o', out]);
    await amid(running, 'the model', () => running.stderr().includes('Model: '));
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(existsSync(out)).toBe(false);
  });
});

describe('budgets', () => {
  const args = [...BUNDLED, '-s', 'budget'];

  test('--max-corpus keeps no more, in the same order', async () => {
    const out = join(folder, 'max-corpus');
    const loud = args.filter((arg) => arg !== '--quiet');
    const { stderr } = await neurofuzz([...loud, '-n', '8000', '--max-corpus', '60', '-o', out]);
    expect(
      readFileSync(join(out, 'corpus', 'journal.jsonl'), 'utf8')
        .trim()
        .split('\n').length,
    ).toBe(60);
    expect(stderr.match(/the corpus is full with \d+ testcases/g)).toHaveLength(1);
    expect(eventsOf(out).filter(({ event }) => event === 'corpus-full')).toHaveLength(1);
    expect(readJson(out, 'stats.json').execs).toBe(8000);
  });

  test('a full corpus ends in the same bytes killed, resumed and on several workers', async () => {
    const flags = ['-n', '9000', '--max-corpus', '60'];
    const [whole, parts] = [join(folder, 'full'), join(folder, 'full-parts')];
    await neurofuzz([...args, ...flags, '-j', '2', '-o', whole]);
    await neurofuzz([...args, ...flags, '-n', '4000', '-j', '1', '-o', parts]);
    await neurofuzz(['fuzz', '--resume', '-o', parts, '-n', '9000', '--quiet']);
    expect(digests(parts, 'corpus', 'findings')).toEqual(digests(whole, 'corpus', 'findings'));
  });

  test('--max-disk ends the campaign in order', async () => {
    const out = join(folder, 'max-disk');
    const { code, stdout } = await neurofuzz([...args, '--max-disk', '1MB', '-o', out, '--json']);
    expect([0, 1]).toContain(code);
    expect(JSON.parse(stdout)).toMatchObject({ stopped: 'disk' });
  });

  test('--min-execs exits with 3 where fewer ran', async () => {
    // With gradients a thousand mutants are enough for a finding.
    const search = ['--gradients', 'off'];
    const few = [...search, '-n', '1000', '--min-execs', '5000', '-o', join(folder, 'few')];
    expect(await neurofuzz([...args, ...few])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(
        /^neurofuzz: only 1000 mutants ran, fewer than --min-execs 5000: [^\n]+\n$/,
      ),
    });
    const enough = [...search, '-n', '1000', '--min-execs', '1000', '-o', join(folder, 'enough')];
    expect((await neurofuzz([...args, ...enough])).code).toBe(0);
  });
});
