import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import type { CorpusEntry } from '../../../src/fuzzer/corpus/corpus-entry.ts';
import { EntryTable } from '../../../src/fuzzer/corpus/entry-table.ts';

const id = (i: number): string => i.toString(16).padStart(16, 'a');

const SEED: CorpusEntry = {
  id: id(0),
  parent: null,
  ancestor: id(0),
  generation: 0,
  outcome: -1,
  ancestorIndex: 0,
  referenceIndex: 0,
};

/** The entry as an object of its own. */
function plain({ at }: { at: CorpusEntry }): CorpusEntry {
  const { parent, ancestor, reference, generation, outcome, ancestorIndex, referenceIndex } = at;
  const relatives = { parent, ancestor, ...(reference === undefined ? {} : { reference }) };
  return { id: at.id, ...relatives, generation, outcome, ancestorIndex, referenceIndex };
}

function tableOf(...entries: readonly CorpusEntry[]): EntryTable {
  const table = new EntryTable();
  for (const entry of entries) table.add(entry);
  return table;
}

describe('an entry comes back as it was added', () => {
  test('a seed and its descendants', () => {
    const child = { ...SEED, id: id(1), parent: id(0), generation: 3, outcome: 7 };
    const geometric = { ...child, id: id(2), reference: id(2), referenceIndex: 2 };
    const grandchild = { ...geometric, id: id(3), parent: id(2), generation: 4_000_000_000 };
    const entries = [SEED, child, geometric, grandchild];
    const table = tableOf(...entries);
    expect(entries.map((_, i) => plain({ at: table.at(i) }))).toEqual(entries);
    expect(table.indexOf(id(2))).toBe(2);
  });

  test('one whose relatives are not there, as an imported one', () => {
    const imported = { ...SEED, id: id(1), parent: id(9), reference: id(8), referenceIndex: 1 };
    const orphan = {
      ...SEED,
      id: id(2),
      parent: id(1),
      ancestor: 'gone',
      ancestorIndex: 2,
      referenceIndex: 2,
    };
    const table = tableOf(SEED, imported, orphan);
    expect(plain({ at: table.at(1) })).toEqual(imported);
    expect(plain({ at: table.at(2) })).toEqual(orphan);
  });
});

test('16,000 descendants of a seed take 60 bytes each at most', () => {
  // Arrays that were outgrown count until they are collected.
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const arrayBytes = (): number => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = arrayBytes();
  const table = tableOf(SEED);
  for (let i = 1; i < 2 ** 14; i++) table.add({ ...SEED, id: id(i), parent: id(i - 1), generation: i });
  expect(table.at(2 ** 14 - 1).parent).toBe(id(2 ** 14 - 2));
  expect((arrayBytes() - before) / 2 ** 14).toBeLessThan(60);
});
