import { expect, test } from '@jest/globals';
import { RemoteCorpus } from '../../../src/distributed/node/remote-corpus.ts';
import { packMessage } from '../../../src/distributed/protocol/codec.ts';
import { MESSAGE_VERSION } from '../../../src/distributed/protocol/messages.ts';
import { RedisKeys } from '../../../src/distributed/protocol/redis-keys.ts';
import { packEntries } from '../../../src/fuzzer/packed-entries.ts';
import type { CorpusEntryData, Task } from '../../../src/fuzzer/scheduling/task.ts';
import { shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { describeOnRedis } from '../../support/redis.ts';

const keys = new RedisKeys('corpus');
const SIZE = 100;

const form = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [SIZE], size: SIZE }]);

const makeEntry = (entryIndex: number): CorpusEntryData => ({
  entryIndex,
  ancestorIndex: 0,
  referenceIndex: entryIndex % 3,
  data: { form, inputs: [new Float32Array(SIZE).fill(entryIndex)] },
  activations: Float32Array.of(entryIndex, -entryIndex),
});

const makeTask = (parents: number[], partners: number[] = []): Task => ({
  number: 0,
  firstExec: 0,
  mutants: 8,
  parents,
  partners,
  stacks: [],
  saturatedSignatures: [],
  indexSize: 0,
  threshold: 0,
});

describeOnRedis('a remote corpus', (client) => {
  const publish = (session: string, from: number, to: number) => {
    const packedEntries = packEntries(Array.from({ length: to - from }, (_, i) => makeEntry(from + i)));
    const part = packMessage({ v: MESSAGE_VERSION, from, packedEntries });
    return client().hset(keys.entries(session), String(from), part);
  };
  const corpusOf = (session: string, maxBytes: number, linf?: number) =>
    new RemoteCorpus(
      { redis: client(), keys, session },
      2,
      { limits: linf === undefined ? {} : { linf }, descriptors: [] },
      maxBytes,
    );

  test('holds the values that tasks need, and beside those no more bytes than its limit', async () => {
    const session = 'bounded';
    for (const [from, to] of [
      [0, 40],
      [40, 41],
      [41, 100],
    ])
      await publish(session, from, to);
    const maxBytes = 10 * SIZE * 4;
    const corpus = corpusOf(session, maxBytes);
    await corpus.ensureEntries(100);
    expect([...corpus.vectors(98, 100)]).toEqual([98, -98, 99, -99]);
    expect(corpus.bytes).toBeLessThanOrEqual(maxBytes);
    const [first, second] = [
      makeTask([0, 40, 99], [-1, 50]),
      makeTask(Array.from({ length: 30 }, (_, i) => 3 * i)),
    ];
    const release = await corpus.holdValues(first);
    const releaseSecond = await corpus.holdValues(second);
    for (const entry of [...corpus.requiredEntries(first), ...corpus.requiredEntries(second)])
      expect(corpus.entryData(entry)).toEqual(makeEntry(entry));
    release();
    expect(corpus.entryData(87)).toEqual(makeEntry(87));
    releaseSecond();
    expect(corpus.bytes).toBeLessThanOrEqual(maxBytes);
    expect(() => corpus.requiredEntries(first).map((entry) => corpus.entryData(entry))).toThrow(
      /are not here/,
    );
  });

  test('holds ancestors and references as well if constraints refer to them', async () => {
    await publish('tied', 0, 9);
    const corpus = corpusOf('tied', 0, 0.1);
    await corpus.ensureEntries(9);
    const release = await corpus.holdValues(makeTask([5, 7]));
    expect(corpus.requiredEntries(makeTask([5, 7]))).toEqual([5, 7, 0, 2, 1]);
    for (const entry of [5, 7, 0, 2, 1]) expect(corpus.entryData(entry)).toEqual(makeEntry(entry));
    release();
    expect(corpus.bytes).toBe(0);
  });

  test('reports missing entries and gaps, and gets the entries once they are published', async () => {
    const session = 'gaps';
    await publish(session, 0, 5);
    const corpus = corpusOf(session, 1e6);
    await expect(corpus.ensureEntries(6)).rejects.toThrow(/the corpus is not on the queue/);
    await client().hset(
      keys.entries(session),
      '5',
      packMessage({ v: MESSAGE_VERSION, from: 4, packedEntries: packEntries([makeEntry(4)]) }),
    );
    await expect(corpus.ensureEntries(6)).rejects.toThrow(/has a gap/);
    await publish(session, 5, 6);
    await corpus.ensureEntries(6);
    const release = await corpus.holdValues(makeTask([5]));
    expect(corpus.entryData(5).data.inputs[0][0]).toBe(5);
    release();
  });
});
