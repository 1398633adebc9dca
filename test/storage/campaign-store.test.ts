import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { writeFolderDurably } from '../../src/core/atomic-file.ts';
import type { NewCorpusEntry } from '../../src/fuzzer/corpus/corpus-entry.ts';
import { decodeTestcase, encodeTestcase, testcaseId } from '../../src/inputs/testcase.ts';
import { shapeSignatureOf, type TestcaseInput } from '../../src/model/testcase-batch.ts';
import { CampaignStore } from '../../src/storage/campaign-store.ts';
import { checkFolder } from '../../src/storage/check-folder.ts';
import { readCheckpoint } from '../../src/storage/checkpoint.ts';
import type { StoredEntry } from '../../src/storage/journal.ts';
import { readCorpus, replaceCorpus } from '../../src/storage/read-corpus.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const INPUTS: TestcaseInput[] = [
  { name: 'b', type: 'float32', shape: [2], size: 2 },
  { name: 'a', type: 'int64', shape: [], size: 1 },
];
const FORM = shapeSignatureOf(INPUTS);
const DATA = { form: FORM, inputs: [Float32Array.of(1, 2), BigInt64Array.of(3n)] };

test('an id hashes the inputs in name order: name, type, shape, little-endian values', () => {
  const hash = createHash('sha256');
  hash.update('["a","int64",[]]\n').update(Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0));
  hash.update('["b","float32",[2]]\n').update(Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64));
  expect(testcaseId(DATA)).toBe(hash.digest('hex').slice(0, 16));
  const [b, a] = DATA.inputs;
  const turned = { form: shapeSignatureOf([INPUTS[1], INPUTS[0]]), inputs: [a, b] };
  expect(testcaseId(turned)).toBe(testcaseId(DATA));
});

test('a testcase survives its file, and one for another model is refused', () => {
  expect(decodeTestcase(INPUTS, encodeTestcase(DATA), 'test')).toEqual(DATA);
  const other = [{ ...INPUTS[0], shape: [3], size: 3 }, INPUTS[1]];
  expect(() => decodeTestcase(other, encodeTestcase(DATA), 'x.npz')).toThrow(
    /x\.npz does not fit the model: input b takes float32 3/,
  );
});

/** Entries with testcases of their own, the first of them a seed. */
function entries(count: number): NewCorpusEntry[] {
  const made: NewCorpusEntry[] = [];
  for (let i = 0; i < count; i++) {
    const data = { form: FORM, inputs: [Float32Array.of(i, 2), BigInt64Array.of(3n)] };
    const id = testcaseId(data);
    const seed = made[0]?.id ?? id;
    made.push({
      id,
      parent: i === 0 ? null : made[i - 1].id,
      ancestor: seed,
      generation: i,
      mutators: [],
      novelty: i === 0 ? null : i / 3,
      task: i,
      outcome: i % 3,
      data,
      activations: Float32Array.of(i, i + 0.5),
    });
  }
  return made;
}

function idsOf(entries: readonly StoredEntry[]): string[] {
  return entries.map(({ record: { id } }) => id);
}

function complete(entries: readonly StoredEntry[]) {
  return entries.map((entry) => ({ ...entry, activations: entry.activations ?? new Float32Array(2) }));
}

async function written(name: string, count: number): Promise<{ path: string; all: NewCorpusEntry[] }> {
  const path = join(folder, name);
  const store = await CampaignStore.create(path, { model: 'm' });
  const all = entries(count);
  for (const entry of all) store.addEntry(entry);
  expect(readdirSync(join(path, 'corpus'))).toEqual([]);
  await store.flush({ entries: count, width: 2, elapsedSeconds: 1, state: { taken: count } });
  return { path, all };
}

test('is behind while more than 32 MB are queued, and is not once they are written', async () => {
  const store = await CampaignStore.create(join(folder, 'behind'), { model: 'm' });
  const size = 2 ** 20;
  const form = shapeSignatureOf([{ name: 'b', type: 'float32', shape: [size], size }]);
  const [entry] = entries(1);
  for (let i = 0; i < 9; i++) {
    expect(store.isBehind).toBe(i === 8);
    const data = { form, inputs: [new Float32Array(size).fill(i)] };
    store.addEntry({ ...entry, id: testcaseId(data), data });
  }
  const flushed = store.flush({ entries: 9, width: 2, elapsedSeconds: 1, state: {} });
  expect(store.isBehind).toBe(true);
  await flushed;
  expect(store.isBehind).toBe(false);
});

describe('a corpus', () => {
  test('comes back as it was written, in order', async () => {
    const { path, all } = await written('whole', 40);
    expect(readdirSync(join(path, 'corpus')).length).toBe(41);
    const { entries: read, damage } = await readCorpus(path, INPUTS, 40, 2);
    expect(damage).toEqual([]);
    expect(read.map(({ record, data, activations }) => ({ ...record, data, activations }))).toEqual(all);
  });

  test('ends where its checkpoint does, and a torn last line is nothing', async () => {
    const { path, all } = await written('cut', 10);
    const journal = join(path, 'corpus', 'journal.jsonl');
    const text = readFileSync(journal, 'utf8');
    appendFileSync(journal, '{"v":1,"id":"0123');
    const { entries: read, damage } = await readCorpus(path, INPUTS, 7, 2);
    expect(damage).toEqual([]);
    expect(idsOf(read)).toEqual(all.slice(0, 7).map(({ id }) => id));
    expect(readFileSync(journal, 'utf8')).toBe(text.split('\n').slice(0, 7).join('\n').concat('\n'));
    expect(statSync(join(path, 'state', 'activations.f32')).size).toBe(7 * 2 * 4);
  });

  test('loses what is damaged and nothing else, sets it aside and names it', async () => {
    const { path, all } = await written('damaged', 12);
    const journal = join(path, 'corpus', 'journal.jsonl');
    const lines = readFileSync(journal, 'utf8').split('\n');
    lines[4] = lines[4].slice(0, 20);
    writeFileSync(journal, lines.join('\n'));
    writeFileSync(join(path, 'corpus', `${all[7].id}.npz`), 'no zip');
    const wrong = encodeTestcase(DATA);
    writeFileSync(join(path, 'corpus', `${all[9].id}.npz`), wrong);
    rmSync(join(path, 'corpus', `${all[10].id}.npz`));
    const { entries: read, damage } = await readCorpus(path, INPUTS, 12, 2);
    expect(idsOf(read).map((id) => all.findIndex((entry) => entry.id === id))).toEqual([
      0, 1, 2, 3, 5, 6, 8, 11,
    ]);
    expect(read.at(-1)?.activations).toEqual(Float32Array.of(11, 11.5));
    expect([...damage].sort()).toEqual(
      [
        `corpus/${all[10].id}.npz is missing`,
        `corpus/${all[7].id}.npz is damaged: it is now in corpus/damaged/`,
        `corpus/${all[9].id}.npz is damaged: it is now in corpus/damaged/`,
        'line 5 of corpus/journal.jsonl is damaged',
      ].sort(),
    );
    await replaceCorpus(path, complete(read));
    const aside = readdirSync(join(path, 'corpus', 'damaged'));
    expect(aside).toContain(`${all[7].id}.npz`);
    expect(aside).toContain('journal.jsonl');
    const again = await readCorpus(path, INPUTS, 8, 2);
    expect(again.damage).toEqual([]);
    expect(idsOf(again.entries)).toEqual(idsOf(read));
  });

  test('loses the descendants of a damaged seed', async () => {
    const { path, all } = await written('orphans', 5);
    writeFileSync(join(path, 'corpus', `${all[0].id}.npz`), '');
    const { entries: read, damage } = await readCorpus(path, INPUTS, 5, 2);
    expect(read).toEqual([]);
    expect(damage.filter((line) => line.includes('its ancestor')).length).toBe(4);
  });

  test('whose activations are cut comes back without them', async () => {
    const { path } = await written('vectors', 6);
    writeFileSync(join(path, 'state', 'activations.f32'), 'short');
    const { entries: read, damage } = await readCorpus(path, INPUTS, 6, 2);
    expect(read.map(({ activations }) => activations)).toEqual(new Array(6).fill(undefined));
    expect(damage).toEqual([
      'state/activations.f32 is damaged: it is truncated, and the model is run again on testcases without activations',
    ]);
  });
});

test('a damaged checkpoint gives way to the one before it, and no checkpoint to none', async () => {
  const { path } = await written('checkpoints', 3);
  const store = await CampaignStore.open(path, 3);
  await store.flush({ entries: 3, width: 2, elapsedSeconds: 2, state: { taken: 9 } });
  const latest = join(path, 'state', 'checkpoint.json');
  expect((await readCheckpoint<{ taken: number }>(path)).checkpoint?.state.taken).toBe(9);
  writeFileSync(latest, readFileSync(latest, 'utf8').slice(0, 30));
  const before = await readCheckpoint<{ taken: number }>(path);
  expect(before.checkpoint?.state.taken).toBe(3);
  expect(before.damage).toEqual([
    'state/checkpoint.json is damaged: the campaign continues from the one before',
  ]);
  expect(await readCheckpoint(join(folder, 'nowhere'))).toEqual({
    checkpoint: undefined,
    damaged: [],
    damage: [],
  });
});

test('asking whether a folder will do leaves nothing behind', async () => {
  await checkFolder(join(folder, 'not', 'there', 'yet'));
  expect(existsSync(join(folder, 'not'))).toBe(false);
});

test('what a campaign leaves that was killed at its start does no harm; a folder of that name with something in it does', async () => {
  const left = join(folder, 'left');
  for (const name of ['corpus', 'findings', 'state']) mkdirSync(join(left, name), { recursive: true });
  writeFileSync(join(left, 'lock'), '{}');
  await checkFolder(left);
  writeFileSync(join(left, 'corpus', 'mine.npz'), 'mine');
  await expect(checkFolder(left)).rejects.toThrow(
    /left is not empty and contains no campaign: choose another folder with --out/,
  );
});

test('an unfinished folder of a process that died is written anew', async () => {
  const finding = join(folder, 'findings', 'id');
  mkdirSync(join(folder, 'findings', '.tmp-id'), { recursive: true });
  writeFileSync(join(folder, 'findings', '.tmp-id', 'torn'), 'half a fi');
  await writeFolderDurably(finding, new Map([['whole', 'a file']]));
  expect(readdirSync(finding)).toEqual(['whole']);
  expect(readdirSync(join(folder, 'findings'))).toEqual(['id']);
});
