import { describe, expect, test } from '@jest/globals';
import { MergedCorpus } from '../../src/corpus-minimizer/merged-corpus.ts';
import type { ReadOnlyCorpus } from '../../src/corpus-minimizer/read-corpus-folder.ts';

const seed = (id: string) => ({ id, parent: null, ancestor: id });
const mutant = (id: string, ancestor: string, reference?: string) => ({
  id,
  parent: ancestor,
  ancestor,
  reference,
});

function corpus(
  folder: string,
  entries: readonly { readonly id: string }[],
  margins: Record<string, { id: string; margin: number }> = {},
): ReadOnlyCorpus {
  return {
    folder,
    width: 1,
    entries: entries.map((record) => ({ record, vector: Float32Array.of(record.id.charCodeAt(0)) })),
    margins: new Map(Object.entries(margins)),
  } as unknown as ReadOnlyCorpus;
}

const first = corpus('first', [seed('a'), mutant('m', 'a'), mutant('n', 'a', 'm')], {
  goal: { id: 'm', margin: 3 },
  other: { id: 'n', margin: 1 },
});
const second = corpus('second', [seed('b'), seed('a'), mutant('o', 'b')], { goal: { id: 'o', margin: 2 } });
const idsOf = (merged: MergedCorpus): string[] =>
  merged.usableEntries().map(({ index }) => merged.entries[index].record.id);

describe('merged corpora', () => {
  test('hold each id once, seeds first, with the folder and the observation of the first one', () => {
    const { entries } = new MergedCorpus([first, second]);
    expect(entries.map(({ record, folder, vector }) => [record.id, folder, vector[0]])).toEqual([
      ['a', 'first', 97],
      ['b', 'second', 98],
      ['m', 'first', 109],
      ['n', 'first', 110],
      ['o', 'second', 111],
    ]);
  });

  test('cannot use an entry that is damaged, nor those that are measured from it', () => {
    const merged = new MergedCorpus([first, second]);
    expect(merged.usableEntries().map(({ rootIndices }) => rootIndices)).toEqual([[], [], [0], [0, 2], [1]]);
    merged.damagedIds.add('m');
    expect(idsOf(merged)).toEqual(['a', 'b', 'o']);
  });

  test('have the smallest usable margin of each goal', () => {
    const merged = new MergedCorpus([first, second]);
    expect(merged.smallestMargins(() => true)).toEqual({
      margins: { goal: { id: 'o', margin: 2 }, other: { id: 'n', margin: 1 } },
      holders: new Set([4, 3]),
    });
    merged.damagedIds.add('o');
    expect(merged.smallestMargins((index) => index !== 3)).toEqual({
      margins: { goal: { id: 'm', margin: 3 } },
      holders: new Set([2]),
    });
  });
});
