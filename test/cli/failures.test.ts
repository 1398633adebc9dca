import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { BUNDLED, digests, eventsOf, findingFolders, readJson, savedExecs } from '../support/campaign.ts';
import { amid, neurofuzz, processesOf, start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import {
  writeAllocationOnnx,
  writeDivisionOnnx,
  writeLoopOnnx,
  writeOverflowOnnx,
} from '../support/models.ts';

const folder = testFolder();

function seeds(name: string, rows: readonly (readonly number[])[]): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(rows));
  return path;
}

const POSITIVE = [
  [5000, 5000, 5000, 5000],
  [4000, 6000, 5000, 5500],
];

/** Runs a small campaign in small tasks; every one of these models needs a process for each death. */
async function campaign(name: string, model: string, seedFile: string, ...flags: string[]) {
  const out = join(folder, name);
  const args = [
    'fuzz',
    model,
    '-i',
    seedFile,
    '-s',
    '1',
    '-o',
    out,
    '--batch',
    '16',
    '--keep',
    '1',
    '--json',
    '--quiet',
  ];
  const { code, stdout, stderr } = await neurofuzz([...args, ...flags]);
  expect(stderr).toBe('');
  return { out, code, summary: JSON.parse(stdout) };
}

function values(finding: string): number[] {
  const tensor = decodeNpz(readFileSync(join(finding, 'input.npz')), finding).get('x');
  return [...((tensor?.data ?? []) as BigInt64Array)].map(Number);
}

test('a run that the runtime fails is a crash finding with the one input of the batch that did it', async () => {
  const model = writeDivisionOnnx(folder);
  const start = seeds('division', [[50, 60, 40, 30]]);
  const { out, code, summary } = await campaign('division', model, start, '--range=-5,100', '-n', '4000');
  expect(code).toBe(1);
  expect(summary).toMatchObject({ execs: 4000, stopped: 'execs' });
  expect(summary.findings.signatures).toEqual([
    expect.objectContaining({
      signature: 'crash-quotient',
      objective: 'crash',
      summary: expect.stringMatching(/^the runtime fails Div quotient: .*division by zero/),
    }),
  ]);
  expect(summary.findings.hits).toBeGreaterThan(1);
  const [finding] = findingFolders(out);
  expect(relative(out, finding)).toMatch(/^findings\/crash-quotient\//);
  expect(values(finding)).toContain(0);
  expect(readJson(finding, 'finding.json')).toMatchObject({ reproduced: '10/10', status: 'confirmed' });
  expect(eventsOf(out).filter(({ event }) => event === 'worker-replaced')).toEqual([]);
  const again = await neurofuzz(['replay', out]);
  expect(again.stdout).toMatch(/^still broken 10\/10 {2}crash-quotient/);
});

test('a model that ends its process loses a task, is a crash finding, and the campaign goes on', async () => {
  const model = writeOverflowOnnx(folder);
  const start = seeds('overflow', [[-50, -60, -40, -30]]);
  const flags = ['--range=-100,-1', '-n', '48', '--threshold', '1'];
  const { out, code, summary } = await campaign('overflow', model, start, ...flags);
  expect(code).toBe(1);
  expect(summary).toMatchObject({ execs: 48, stopped: 'execs' });
  expect(summary.findings.signatures).toEqual([
    expect.objectContaining({ signature: 'crash-sigfpe', summary: 'the model ends its process: SIGFPE' }),
  ]);
  const [finding] = findingFolders(out);
  expect(relative(out, finding)).toMatch(/^findings\/crash-sigfpe\//);
  expect(values(finding)).toContain(-1);
  expect(readJson(finding, 'finding.json')).toMatchObject({ reproduced: '10/10', objective: 'crash' });
  const { lost, workers } = readJson(out, 'stats.json');
  expect(lost).toBeGreaterThan(0);
  expect(workers.some(({ replaced }: { replaced: number }) => replaced > 0)).toBe(true);
  expect((await neurofuzz(['replay', finding])).stdout).toMatch(/^still broken 10\/10 {2}crash-sigfpe/);
});

test('crashes leave the same corpus and findings on one worker and on three', async () => {
  const model = writeOverflowOnnx(folder);
  const start = seeds('overflow', [[-50, -60, -40, -30]]);
  const flags = ['--range=-100,-1', '-n', '36', '--threshold', '1'];
  const [one, three] = [
    await campaign('crash-1', model, start, ...flags, '-j', '1'),
    await campaign('crash-3', model, start, ...flags, '-j', '3'),
  ];
  expect(digests(three.out, 'corpus', 'findings')).toEqual(digests(one.out, 'corpus', 'findings'));
});

test('a model that does not come to an end is a hang finding', async () => {
  const model = writeLoopOnnx(folder, 9000);
  const flags = ['--range=0,10000', '-n', '20', '--timeout', '1500ms', '-j', '2'];
  const { out, code, summary } = await campaign('loop', model, seeds('loop', POSITIVE), ...flags);
  expect(code).toBe(1);
  expect(summary.findings.signatures).toEqual([expect.objectContaining({ signature: 'hang' })]);
  const [finding] = findingFolders(out);
  expect(relative(out, finding)).toMatch(/^findings\/unrepeatable\/hang\//);
  expect(Math.max(...values(finding))).toBeGreaterThan(9000);
  expect(readJson(finding, 'finding.json')).toMatchObject({ reproduced: '2/2', status: 'confirmed' });
});

test('a model that eats the memory is a memory finding', async () => {
  // Eight gigabytes where 400 MB are allowed.
  const model = writeAllocationOnnx(folder, 9000, 2_000_000_000n);
  const flags = ['--range=0,10000', '-n', '40', '--memory', '400MB', '-j', '1'];
  const { out, code, summary } = await campaign('memory', model, seeds('memory', POSITIVE), ...flags);
  expect(code).toBe(1);
  expect(summary.findings.signatures).toEqual([
    expect.objectContaining({ signature: 'memory', objective: 'memory' }),
  ]);
  const [finding] = findingFolders(out);
  expect(relative(out, finding)).toMatch(/^findings\/unrepeatable\/memory\//);
  expect(Math.max(...values(finding))).toBeGreaterThan(9000);
});

test('an allocation that is refused at once is a memory finding as well', async () => {
  const model = writeAllocationOnnx(folder, 9000, 10n ** 15n, 'huge.onnx');
  const flags = ['--range=0,10000', '-n', '300', '-j', '1'];
  const { summary } = await campaign('huge', model, seeds('huge', POSITIVE), ...flags);
  expect(summary.findings.signatures).toEqual([
    expect.objectContaining({ signature: 'memory', summary: 'the model asks for too much memory' }),
  ]);
});

test('a seed that ends the process is a finding of generation 0, and the others are fuzzed', async () => {
  const model = writeOverflowOnnx(folder);
  const start = seeds('seed-crash', [
    [-50, -60, -40, -30],
    [-50, -60, -1, -30],
  ]);
  // Noise hardly ever hits -1, which ends the process; special values do.
  const flags = ['--range=-100,-1', '-n', '4', '--threshold', '1', '--mutator', 'gaussian'];
  const { out, summary } = await campaign('seed-crash', model, start, ...flags);
  expect(summary).toMatchObject({ corpus: { seeds: 1 }, findings: { hits: 1 } });
  expect(readJson(findingFolders(out)[0], 'finding.json')).toMatchObject({ generation: 0, execs: 0 });
});

test('a model that ends the process on its first seed is refused', async () => {
  const model = writeOverflowOnnx(folder);
  const start = seeds('first-crash', [[-50, -60, -1, -30]]);
  const { code, stderr } = await neurofuzz([
    'fuzz',
    model,
    '-i',
    start,
    '--range=-100,-1',
    '-o',
    join(folder, 'no'),
  ]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/overflow\.onnx: the first seed ends the process \(.*SIGFPE\)\n$/);
});

test('a worker that gets SIGSEGV is replaced and changes nothing; what came once is set apart', async () => {
  const whole = join(folder, 'undisturbed');
  const hurt = join(folder, 'segv');
  const args = [...BUNDLED, '-s', 'segv', '-n', '40000', '--keep', '1', '-j', '2'];
  const undisturbed = await neurofuzz([...args, '-o', whole]);
  const running = start([...args, '-o', hurt]);
  await amid(running, 'a checkpoint on the way', () => savedExecs(hurt) > 0);
  const processes = processesOf(running);
  expect(processes.length).toBeGreaterThanOrEqual(2);
  for (const pid of processes) process.kill(pid, 'SIGSEGV');
  expect(await running.ended).toMatchObject({ code: undisturbed.code, stderr: '' });
  expect(digests(hurt, 'corpus', 'findings')).toEqual(digests(whole, 'corpus', 'findings'));
  expect(eventsOf(hurt)).toContainEqual(
    expect.objectContaining({ event: 'worker-replaced', kind: 'crash', how: 'SIGSEGV' }),
  );
  const apart = findingFolders(hurt).filter((path) => path.includes('unrepeatable'));
  expect(apart.map((path) => relative(hurt, path))).toContainEqual(
    expect.stringMatching(/^findings\/unrepeatable\/crash-sigsegv-once\//),
  );
});
