import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Lock } from '../../src/storage/lock.ts';
import {
  type KnownFault,
  loadBaseline,
  nextBaseline,
  updateBaseline,
  withDecisions,
  writeBaseline,
} from '../../src/triage/baseline.ts';
import { isCounted } from '../../src/triage/fault-status.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

const fault = (signature: string, change: Partial<KnownFault> = {}): KnownFault => ({
  signature,
  objective: 'nonfinite',
  summary: 'Log makes NaN of 0',
  firstSeen: null,
  ...change,
});

const counts = { findings: 1, flaky: 0, batchDependent: 0, broken: null };

describe('a baseline', () => {
  test('keeps notes and states; known is what has none', async () => {
    const path = join(folder, 'states.json');
    await writeBaseline(path, [
      fault('a', { state: 'ignored', note: 'only with inputs of zeros' }),
      fault('b', { state: 'fixed' }),
      fault('c', { state: 'known' }),
      fault('d', { state: 'new' }),
    ]);
    expect((await loadBaseline(path)).faults).toEqual([
      fault('a', { state: 'ignored', note: 'only with inputs of zeros' }),
      fault('b', { state: 'fixed' }),
      fault('c', { state: 'known' }),
      fault('d'),
    ]);
  });

  test.each([
    ['state', { state: 'wontfix' }],
    ['note', { note: 1 }],
  ])('with another %s is none', async (name, change) => {
    const path = join(folder, `wrong-${name}.json`);
    const json = { kind: 'neurofuzz-baseline', formatVersion: 1, signatureVersion: 4 };
    writeFileSync(path, JSON.stringify({ ...json, faults: [{ ...fault('a'), ...change }] }));
    await expect(loadBaseline(path)).rejects.toThrow('is not a baseline');
  });

  test('an ignored fault fails nothing, a fixed one that is found again is new', () => {
    expect(isCounted({ signature: 'a', ...counts, state: 'ignored' })).toBe(false);
    expect(isCounted({ signature: 'a', ...counts, state: 'new' })).toBe(true);
  });
});

describe('what people decided', () => {
  test('stays where a baseline is written anew', () => {
    const next = nextBaseline({
      faults: [
        { ...fault('noted', { note: 'see issue 3' }), ...counts, state: 'known' },
        { ...fault('back'), ...counts, state: 'new' },
        { ...fault('flaky'), ...counts, flaky: 1, state: 'new' },
      ],
      lost: [],
      ignored: [fault('unseen', { state: 'ignored' })],
    });
    const replaced = [
      fault('noted', { note: 'see issue 4', state: 'ignored' }),
      fault('back', { state: 'fixed', note: 'repaired in June' }),
      fault('unseen', { state: 'ignored' }),
      fault('elsewhere', { state: 'ignored' }),
      fault('gone'),
    ];
    expect(
      withDecisions(next, replaced).map(({ signature, state, note }) => [signature, state, note]),
    ).toEqual([
      ['noted', 'ignored', 'see issue 4'],
      ['back', undefined, 'repaired in June'],
      ['unseen', 'ignored', undefined],
      ['elsewhere', 'ignored', undefined],
    ]);
  });

  test('a fault that was said to be fixed while it was compared stays fixed', () => {
    const [kept] = withDecisions([fault('a', { state: 'known' })], [fault('a', { state: 'fixed' })]);
    expect(kept.state).toBe('fixed');
  });

  test('an ignored fault that somebody made known again is known', () => {
    const [kept] = withDecisions([fault('a', { state: 'ignored' })], [fault('a', { state: 'known' })]);
    expect(kept.state).toBe('known');
  });

  test('a fault that is known without a decision has none afterwards', () => {
    const [kept] = withDecisions([fault('a', { state: 'known' })], [fault('a')]);
    expect(kept.state).toBeUndefined();
  });
});

describe('changing a baseline', () => {
  test('is done by one process at a time, and leaves no lock', async () => {
    const path = join(folder, 'shared.json');
    const add = (name: string) => updateBaseline(path, (faults) => [...faults, fault(name)]);
    await Promise.all(['a', 'b', 'c', 'd'].map(add));
    expect((await loadBaseline(path)).faults.map(({ signature }) => signature)).toEqual(['a', 'b', 'c', 'd']);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  test('is independent of the lock of the folder', async () => {
    const lock = await Lock.acquire(folder);
    const path = join(folder, 'beside.json');
    await updateBaseline(path, () => [fault('a')]);
    await lock.release();
    expect((await loadBaseline(path)).faults).toHaveLength(1);
  });

  test('refuses a file that is not a baseline, unless it is replaced', async () => {
    const path = join(folder, 'text.json');
    writeFileSync(path, 'text');
    await expect(updateBaseline(path, () => [])).rejects.toThrow('is not a baseline');
    expect(readFileSync(path, 'utf8')).toBe('text');
    await updateBaseline(path, () => [fault('a')], true);
    expect((await loadBaseline(path)).faults).toHaveLength(1);
  });

  test('names a file that cannot be written', async () => {
    await expect(updateBaseline(join(folder, 'none', 'b.json'), () => [])).rejects.toThrow(
      `cannot write the baseline ${join(folder, 'none', 'b.json')}`,
    );
  });
});
