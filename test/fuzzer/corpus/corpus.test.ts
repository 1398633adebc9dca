import { describe, expect, test } from '@jest/globals';
import { Corpus } from '../../../src/fuzzer/corpus/corpus.ts';
import type { CorpusEntry } from '../../../src/fuzzer/corpus/corpus-entry.ts';
import { NO_LOADER, testcase } from '../../support/engine.ts';

const entry = (id: string, overrides: Partial<CorpusEntry> = {}): CorpusEntry => ({
  id,
  parent: 'seed',
  ancestor: 'seed',
  generation: 1,
  mutators: [],
  novelty: 1,
  task: 1,
  outcome: 0,
  ancestorIndex: 0,
  referenceIndex: 0,
  ...overrides,
});

/** A corpus of so many entries, of which the first is a seed. */
function filled(corpus: Corpus, count: number): Corpus {
  for (let i = 0; i < count; i++)
    corpus.add(entry(`e${i}`, i === 0 ? { parent: null } : {}), testcase(i), Float32Array.of(i, -i));
  return corpus;
}

describe('entries', () => {
  test('are found by id and by index', () => {
    const corpus = filled(new Corpus(NO_LOADER), 3);
    expect(corpus.size).toEqual({ count: 3, seeds: 1 });
    expect(corpus.indexOf('e2')).toBe(2);
    expect(corpus.indexOf('e3')).toBeUndefined();
    expect(corpus.has('e1')).toBe(true);
    expect(corpus.at(1).id).toBe('e1');
    expect(corpus.data(2)).toEqual(testcase(2));
  });

  test('have their activations side by side, however many there are', () => {
    const corpus = filled(new Corpus(NO_LOADER), 2000);
    expect(corpus.width).toBe(2);
    expect([...corpus.activations(1998, 2000)]).toEqual([1998, -1998, 1999, -1999]);
  });

  test('that were kept for a goal are not scheduled, and have no rank', () => {
    const corpus = filled(new Corpus(NO_LOADER), 2);
    corpus.add(entry('goal', { site: 'log' }), testcase(7), Float32Array.of(7, 7));
    corpus.add(entry('last'), testcase(8), Float32Array.of(8, 8));
    expect(corpus.scheduled).toEqual({ count: 3, seeds: 1 });
    expect(corpus.rankOf(2)).toBeUndefined();
    expect(corpus.rankOf(3)).toBe(2);
    expect(corpus.scheduledAt(2)).toBe(3);
  });
});

describe('the cache of testcases', () => {
  /** Three testcases of 8 bytes and room for two. */
  const cached = () => {
    const loads: string[] = [];
    const load = (id: string) => {
      loads.push(id);
      return testcase(Number(id.slice(1)));
    };
    return { corpus: filled(new Corpus({ load }, 16), 3), loads };
  };

  test('evicts the least recently used, which are loaded again', () => {
    const { corpus, loads } = cached();
    corpus.data(0);
    corpus.evict(3);
    expect([0, 1, 2].map((i) => corpus.data(i))).toEqual([testcase(0), testcase(1), testcase(2)]);
    expect(loads).toEqual(['e1']);
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
