import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { encodeTestcase, testcaseId } from '../../src/inputs/testcase.ts';
import { CampaignStore } from '../../src/storage/campaign-store.ts';
import { readCheckpoint } from '../../src/storage/checkpoint.ts';
import { setDamagedAside } from '../../src/storage/damaged-files.ts';
import type { Finding, SignatureRecord } from '../../src/storage/finding.ts';
import { readCorpus } from '../../src/storage/read-corpus.ts';
import { readFindings, readHitCounts } from '../../src/triage/findings.ts';
import { bitsOf, withFlippedBit } from '../support/damage.ts';
import { testcase } from '../support/engine.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const whole = join(folder, 'whole');
const INPUTS = [{ name: 'x', type: 'float32' as const, shape: [2] }];
const COUNT = 3;
const WIDTH = 2;

/** A campaign's folder as its store writes it: three entries, two findings of one fault, statistics and an event. */
beforeAll(async () => {
  const store = await CampaignStore.create(whole, { model: 'm' });
  const seed = testcaseId(testcase(0, 1));
  for (let i = 0; i < COUNT; i++) {
    const data = testcase(i, 1);
    const lineage = { parent: i === 0 ? null : seed, ancestor: seed, generation: i, mutators: [] };
    const activations = Float32Array.of(i, i / 3);
    store.addEntry({
      id: testcaseId(data),
      ...lineage,
      novelty: i / 7,
      task: i,
      outcome: -1,
      data,
      activations,
    });
    await store.flush({ entries: i + 1, width: WIDTH, elapsedSeconds: i, state: { taken: i + 1 } });
  }
  for (const value of [5, 6]) {
    const data = testcase(value, value);
    const finding = {
      formatVersion: 1,
      id: testcaseId(data),
      signature: 'nan',
      summary: 'Log makes NaN',
      violation: { tensors: ['y'] },
      model: { path: 'm.onnx' },
    } as unknown as Finding;
    await store.writeFinding(
      `findings/nan/${finding.id}`,
      finding,
      new Map([['input.npz', encodeTestcase(data)]]),
    );
  }
  await store.writeSignature({ formatVersion: 1, signature: 'nan', hits: 822 } as SignatureRecord, false);
  await store.writeStats({ execs: 9, signatures: [{ signature: 'nan', hits: 822 }] });
  await store.appendEvent('stop');
});

let copies = 0;

function copy(): string {
  return copyOf(whole);
}

function copyOf(campaign: string): string {
  const path = join(folder, `copy-${copies++}`);
  cpSync(campaign, path, { recursive: true });
  return path;
}

/** All that a resumed campaign and triage read of a folder, with the descriptions of what is damaged. */
async function readAll(path: string) {
  const { checkpoint, damage: checkpointDamage } = await readCheckpoint<{ taken: number }>(path);
  const damage = [...checkpointDamage];
  const findings = [...readFindings(join(path, 'findings'), damage)].map(({ finding }) => finding);
  const hits = [...(await readHitCounts(path, damage))];
  const corpus = await readCorpus(path, INPUTS, COUNT, WIDTH);
  damage.push(...corpus.damage);
  const { entries, width, elapsedSeconds, state } = checkpoint ?? {};
  const progress = { entries, width, elapsedSeconds, state };
  return { read: { progress, findings, hits, entries: corpus.entries }, damage };
}

/** Files whose every bit counts, by path in the campaign's folder. */
function checkedFiles(path = '', found: string[] = []): string[] {
  for (const entry of readdirSync(join(whole, path), { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) checkedFiles(inner, found);
    else if (/^(?:state|corpus|findings)/.test(inner)) found.push(inner);
  }
  return found;
}

describe('a flipped bit', () => {
  test('anywhere in state/, corpus/ and findings/ is named, or changes nothing that is read', async () => {
    const { read, damage } = await readAll(copy());
    expect(damage).toEqual([]);
    const files = checkedFiles();
    expect(files.length).toBe(1 + COUNT + 3 + 1 + 2 * 3);
    let named = 0;
    for (const file of files) {
      const bytes = readFileSync(join(whole, file));
      const path = copy();
      for (const at of bitsOf(bytes, 1, 23)) {
        writeFileSync(join(path, file), withFlippedBit(bytes, at));
        const after = await readAll(path);
        if (after.damage.length === 0) expect(after.read).toEqual(read);
        else named++;
        writeFileSync(join(path, file), bytes);
        // Reading sets damaged testcases aside.
        if (!existsSync(join(path, 'corpus/damaged'))) continue;
        rmSync(join(path, 'corpus'), { recursive: true });
        cpSync(join(whole, 'corpus'), join(path, 'corpus'), { recursive: true });
      }
      rmSync(path, { recursive: true });
    }
    expect(named).toBeGreaterThan(100);
  });

  test('in a testcase outside of its values is mended from them', async () => {
    const path = copy();
    const file = join(path, 'corpus', `${testcaseId(testcase(1, 1))}.npz`);
    const bytes = readFileSync(file);
    // The time of the zip entry.
    writeFileSync(file, withFlippedBit(bytes, 8 * 10));
    const { entries, damage } = await readCorpus(path, INPUTS, COUNT, WIDTH);
    expect(entries.length).toBe(COUNT);
    expect(damage).toEqual([expect.stringMatching(/npz is damaged outside its values: it is written again/)]);
    expect(readFileSync(file)).toEqual(bytes);
  });

  test('in activations costs one run of the model on its testcase', async () => {
    const path = copy();
    writeFileSync(
      join(path, 'state/activations.f32'),
      withFlippedBit(readFileSync(join(whole, 'state/activations.f32')), 70),
    );
    const { entries, damage } = await readCorpus(path, INPUTS, COUNT, WIDTH);
    expect(entries.map(({ activations }) => activations?.[0])).toEqual([0, undefined, 2]);
    expect(damage).toEqual(['state/activations.f32 is damaged: the model is run again on 1 testcase']);
  });
});

describe('what is damaged in the folder of a resumed campaign', () => {
  test('is named and set aside: findings, faults, snapshots, checkpoints', async () => {
    const path = copy();
    const [first, second] = readdirSync(join(path, 'findings/nan')).filter(
      (name) => name !== 'signature.json',
    );
    writeFileSync(join(path, `findings/nan/${first}/finding.json`), '{}');
    writeFileSync(join(path, 'findings/nan/signature.json'), '{"signature": "nan", "hits": 5}');
    writeFileSync(join(path, 'state/checkpoint.json'), '{');
    writeFileSync(join(path, 'state/index-40.hnsw'), 'index');
    writeFileSync(join(path, 'state/index-40.hnsw.crc32'), '00000000\n');
    writeFileSync(join(path, 'events.jsonl'), '{"v":1}\n{"v"');
    const { checkpoint, damaged } = await readCheckpoint<{ taken: number }>(path);
    expect(checkpoint?.state.taken).toBe(COUNT - 1);
    expect(await setDamagedAside(path, damaged)).toEqual([
      'state/index-40.hnsw is damaged: it is built again, and the damaged file is now in state/damaged/',
      `findings/nan/${first}/finding.json is damaged: the finding is now in findings/damaged/nan/`,
    ]);
    expect(readdirSync(join(path, 'findings/damaged/nan'))).toEqual([first]);
    expect(readdirSync(join(path, 'state/damaged')).sort()).toEqual(['checkpoint.json', 'index-40.hnsw']);
    expect(readdirSync(join(path, 'findings/nan')).sort()).toEqual([second, 'signature.json'].sort());
    expect(readFileSync(join(path, 'events.jsonl'), 'utf8')).toBe('{"v":1}\n');
    expect([...readFindings(path, [])].map(({ finding: { id } }) => id)).toEqual([second]);
  });

  test('of kind is set aside as well: a folder in the place of a file, a file in that of a folder', async () => {
    const path = copy();
    for (const file of ['state/checkpoint.json', 'stats.json', 'findings/nan/signature.json']) {
      rmSync(join(path, file));
      mkdirSync(join(path, file));
    }
    rmSync(join(path, 'corpus'), { recursive: true });
    writeFileSync(join(path, 'corpus'), '');
    writeFileSync(join(path, 'findings/inf'), '');
    const damage = await setDamagedAside(path, (await readCheckpoint(path)).damaged);
    expect(damage).toEqual([
      'corpus is a file, not a folder: it is now corpus.damaged',
      'stats.json is a folder, not a file: it is now stats.json.damaged',
      'state/checkpoint.json is a folder, not a file: it is now in state/damaged/',
      'findings/inf is a file, not a folder: it is now in findings/damaged/',
      'findings/nan/signature.json is a folder, not a file: it is now in findings/damaged/nan/',
    ]);
    expect(await setDamagedAside(path, [])).toEqual([]);
    expect(readdirSync(join(path, 'corpus'))).toEqual([]);
  });
});

test('a file that a link to itself replaced is set aside', async () => {
  const path = copy();
  const files = ['stats.json', 'events.jsonl', 'state/checkpoint.json', 'findings/nan/signature.json'];
  for (const file of [...files, 'corpus/journal.jsonl', 'state/activations.f32']) {
    rmSync(join(path, file));
    symlinkSync(basename(file), join(path, file));
  }
  const { damaged } = await readCheckpoint(path);
  expect(damaged).toEqual(['state/checkpoint.json']);
  const damage = await setDamagedAside(path, damaged);
  for (const file of files) {
    expect(damage).toContainEqual(expect.stringContaining(`${file} is a link to itself, not a file`));
    expect(() => lstatSync(join(path, file))).toThrow('ENOENT');
  }
  const corpus = await readCorpus(path, INPUTS, COUNT, WIDTH);
  expect(corpus.entries).toEqual([]);
  expect(corpus.damage).toContain('corpus/journal.jsonl is damaged: it lacks 3 of 3 lines');
});

test('a damaged line behind the checkpoint is named, and its testcase set aside; a torn one is not', async () => {
  const path = copy();
  const journal = join(path, 'corpus/journal.jsonl');
  const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
  const last = testcaseId(testcase(COUNT - 1, 1));
  // As a checkpoint of two entries sees it.
  writeFileSync(journal, `${lines.join('\n')}\n{"torn`);
  const torn = copyOf(path);
  expect((await readCorpus(torn, INPUTS, COUNT - 1, WIDTH)).damage).toEqual([]);
  expect(existsSync(join(torn, `corpus/${last}.npz`))).toBe(false);
  writeFileSync(journal, `${lines.slice(0, -1).join('\n')}\n${lines[COUNT - 1].replace('"id"', '"iD"')}\n`);
  const { entries, damage } = await readCorpus(path, INPUTS, COUNT - 1, WIDTH);
  expect(entries).toHaveLength(COUNT - 1);
  expect(damage).toEqual([
    expect.stringMatching(/^1 line at the end of corpus.journal.jsonl is damaged: .*1 testcase set aside$/),
  ]);
  expect(existsSync(join(path, `corpus/${last}.npz`))).toBe(false);
  expect(existsSync(join(path, `corpus/damaged/${last}.npz`))).toBe(true);
});

test('a damaged finding gives way to the one that is written again', async () => {
  const path = copy();
  const [id] = readdirSync(join(path, 'findings/nan')).sort();
  writeFileSync(join(path, `findings/nan/${id}/input.npz`), 'damaged');
  const store = await CampaignStore.open(path, COUNT);
  expect(await store.readFinding(`findings/nan/${id}`)).toBeUndefined();
  await store.writeFinding(`findings/nan/${id}`, { id } as Finding, new Map());
  expect(await store.readFinding(`findings/nan/${id}`)).toEqual({ id });
  expect(readFileSync(join(path, `findings/damaged/nan/${id}/input.npz`), 'utf8')).toBe('damaged');
});

test('a record that counts other hits than the campaign ended with was replaced', async () => {
  const path = copy();
  const store = await CampaignStore.open(path, COUNT);
  await store.writeSignature({ formatVersion: 1, signature: 'nan', hits: 5 } as SignatureRecord, false);
  const damage: string[] = [];
  expect([...(await readHitCounts(path, damage))]).toEqual([['nan', 822]]);
  expect(damage).toEqual([
    expect.stringMatching(/signature.json was replaced: it counts 5 hits, and the campaign ended with 822/),
  ]);
});

test('a record that is missing from a campaign that came to its end is named, and its hits are known', async () => {
  const path = copy();
  rmSync(join(path, 'findings/nan/signature.json'));
  const damage: string[] = [];
  expect([...(await readHitCounts(path, damage))]).toEqual([['nan', 822]]);
  expect(damage).toEqual([expect.stringMatching(/findings.nan.signature.json is missing$/)]);
});

test.each([
  ['is a file', (path: string) => writeFileSync(path, '')],
  ['is a link to itself', (path: string) => symlinkSync(basename(path), path)],
  ['is not there', () => {}],
])('where findings/ %s, that is named', (_, replace) => {
  const path = copy();
  writeFileSync(join(path, 'campaign.yaml'), '');
  rmSync(join(path, 'findings'), { recursive: true });
  replace(join(path, 'findings'));
  for (const read of [path, join(path, 'findings')]) {
    const damage: string[] = [];
    expect([...readFindings(read, damage)]).toEqual([]);
    expect(damage).toEqual([`${join(path, 'findings')} is damaged: it is not a folder`]);
  }
});

test.each([
  ['the record is gone', 'finding.json', (path: string) => rmSync(path), 'finding.json'],
  ['the checksums are gone', 'SHA256SUMS', (path: string) => rmSync(path), 'SHA256SUMS'],
  [
    'a checksum is gone',
    'SHA256SUMS',
    (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace(/^.*finding\.json\n/m, '')),
    'SHA256SUMS',
  ],
])('a finding of which %s is named, and the others are read', (_, file, damageFile, named) => {
  const path = copy();
  const [first, second] = readdirSync(join(path, 'findings/nan')).sort();
  damageFile(join(path, 'findings/nan', first, file));
  const damage: string[] = [];
  const ids = [...readFindings(path, damage)].map(({ finding: { id } }) => id);
  expect(ids).toContain(second);
  expect(damage).toEqual([expect.stringContaining(`${first}/${named} is damaged`)]);
});

test('JSON of another kind in the place of the checkpoint is damage, and the one before is read', async () => {
  const path = copy();
  writeFileSync(join(path, 'state/checkpoint.json'), '{"formatVersion":1,"hits":5}');
  const { checkpoint, damaged } = await readCheckpoint<{ taken: number }>(path);
  expect(damaged).toEqual(['state/checkpoint.json']);
  expect(checkpoint?.state.taken).toBe(COUNT - 1);
});

test('flaky findings of a fault that has others too have no record of their own', async () => {
  const path = copy();
  const damage: string[] = [];
  mkdirSync(join(path, 'findings/unrepeatable/nan/0123456789abcdef'), { recursive: true });
  expect([...(await readHitCounts(path, damage))]).toEqual([['nan', 822]]);
  expect(damage).toEqual([]);
  mkdirSync(join(path, 'findings/unrepeatable/inf/0123456789abcdef'), { recursive: true });
  await readHitCounts(path, damage);
  expect(damage).toEqual([expect.stringMatching(/unrepeatable\/inf\/signature.json is missing$/)]);
});
