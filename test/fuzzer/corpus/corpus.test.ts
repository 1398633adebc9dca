import { describe, expect, test } from '@jest/globals';
import { Corpus } from '../../../src/fuzzer/corpus/corpus.ts';
import type { CorpusEntry, CorpusEntryRecord } from '../../../src/fuzzer/corpus/corpus-entry.ts';
import { NO_LOADER, testcase } from '../../support/engine.ts';

/** An id of sixteen digits. */
const id = (i: number): string => i.toString(16).padStart(16, '0');

type Added = CorpusEntry & Pick<CorpusEntryRecord, 'site'>;

const entry = (i: number, overrides: Partial<Added> = {}): Added => ({
  id: id(i),
  parent: id(0),
  ancestor: id(0),
  generation: 1,
  outcome: 0,
  ancestorIndex: 0,
  referenceIndex: 0,
  ...overrides,
});

/** A corpus of so many entries, of which the first is a seed. */
function filled(corpus: Corpus, count: number): Corpus {
  for (let i = 0; i < count; i++)
    corpus.add(entry(i, i === 0 ? { parent: null } : {}), testcase(i), Float32Array.of(i, -i));
  return corpus;
}

describe('entries', () => {
  test('are found by id and by index', () => {
    const corpus = filled(new Corpus(NO_LOADER), 3);
    expect(corpus.size).toEqual({ count: 3, seeds: 1 });
    expect(corpus.indexOf(id(2))).toBe(2);
    expect(corpus.indexOf(id(3))).toBeUndefined();
    expect(corpus.has(id(1))).toBe(true);
    expect(corpus.at(1).id).toBe(id(1));
    expect(corpus.data(2)).toEqual(testcase(2));
  });

  test('have their activations side by side, however many there are', () => {
    const corpus = filled(new Corpus(NO_LOADER), 2000);
    expect(corpus.width).toBe(2);
    expect([...corpus.activations(1998, 2000)]).toEqual([1998, -1998, 1999, -1999]);
  });

  test('that were kept for a goal are not scheduled, and have no rank', () => {
    const corpus = filled(new Corpus(NO_LOADER), 2);
    corpus.add(entry(2, { site: 'log' }), testcase(7), Float32Array.of(7, 7));
    corpus.add(entry(3), testcase(8), Float32Array.of(8, 8));
    expect(corpus.scheduled).toEqual({ count: 3, seeds: 1 });
    expect(corpus.rankOf(2)).toBeUndefined();
    expect(corpus.rankOf(3)).toBe(2);
    expect(corpus.scheduledAt(2)).toBe(3);
  });
});

describe('the cache of testcases', () => {
  /** Three testcases of 8 bytes, and room for two with the objects that hold them. */
  const cached = () => {
    const loads: string[] = [];
    const load = (id: string) => {
      loads.push(id);
      return testcase(Number.parseInt(id, 16));
    };
    return { corpus: filled(new Corpus({ ...NO_LOADER, load }, 2 * 520), 3), loads };
  };

  test('evicts the least recently used, which are loaded again', () => {
    const { corpus, loads } = cached();
    corpus.data(0);
    corpus.evict(3);
    expect([0, 1, 2].map((i) => corpus.data(i))).toEqual([testcase(0), testcase(1), testcase(2)]);
    expect(loads).toEqual([id(1)]);
  });

  test('is not asked for the shapes of an entry', () => {
    const { corpus, loads } = cached();
    corpus.evict(3);
    expect([0, 1, 2].map((i) => corpus.shapeKey(i))).toEqual([0, 1, 2].map((i) => testcase(i).form.key));
    expect(loads).toEqual([]);
  });

  test('evicts none that is not on disk yet', () => {
    const { corpus, loads } = cached();
    corpus.evict(0);
    corpus.data(0);
    expect(loads).toEqual([]);
  });
});

describe('activations', () => {
  const WIDTH = 8;

  /** A corpus of 128 entries that keeps nothing of what is on disk, and the ranges that its loader is asked for. */
  const large = (damaged = -1) => {
    const ranges: [number, number][] = [];
    const loadActivations = (from: number, to: number, width: number): Float32Array => {
      ranges.push([from, to]);
      const valueAt = (i: number): number => from + Math.floor(i / width);
      return Float32Array.from({ length: (to - from) * width }, (_, i) =>
        valueAt(i) === damaged && i % width === 5 ? valueAt(i) * (1 + 2 ** -23) : valueAt(i),
      );
    };
    const corpus = new Corpus({ ...NO_LOADER, loadActivations }, 1 << 20, 0);
    for (let i = 0; i < 128; i++)
      corpus.add(entry(i, i === 0 ? { parent: null } : {}), testcase(i), new Float32Array(WIDTH).fill(i));
    return { corpus, ranges };
  };
  /** A corpus whose activations on disk have one bit of an entry flipped. */
  const withDamage = (entryIndex: number): Corpus => {
    const { corpus } = large(entryIndex);
    corpus.evict(100);
    return corpus;
  };
  const entriesOf = (activations: Float32Array): number[] =>
    [...activations].filter((_, i) => i % WIDTH === 0);

  test('stay in memory until they are on disk', () => {
    const { corpus, ranges } = large();
    corpus.evict(0);
    expect(entriesOf(corpus.activations(0, 3))).toEqual([0, 1, 2]);
    expect(ranges).toEqual([]);
  });

  test('that are on disk are read back from there, beside those that are not', () => {
    const { corpus, ranges } = large();
    corpus.evict(100);
    expect(entriesOf(corpus.activations(98, 102))).toEqual([98, 99, 100, 101]);
    expect(entriesOf(corpus.activations(7, 9))).toEqual([7, 8]);
    expect(entriesOf(corpus.activations(100, 128))).toHaveLength(28);
    expect(corpus.activations(128, 128)).toHaveLength(0);
    expect(ranges).toEqual([
      [98, 100],
      [7, 9],
    ]);
    expect(() => withDamage(11).activations(10, 13)).toThrow(
      /testcase 000000000000000b are damaged.*--resume/,
    );
    expect(entriesOf(withDamage(11).activations(12, 13))).toEqual([12]);
    corpus.add(entry(128), testcase(1), new Float32Array(WIDTH).fill(128));
    expect(entriesOf(corpus.activations(126, 129))).toEqual([126, 127, 128]);
    expect(corpus.width).toBe(WIDTH);
  });
});
