import { expect, test } from '@jest/globals';
import { RemoteCorpus } from '../../../src/distributed/node/remote-corpus.ts';
import { packMessage } from '../../../src/distributed/protocol/codec.ts';
import { MESSAGE_VERSION } from '../../../src/distributed/protocol/messages.ts';
import { RedisKeys } from '../../../src/distributed/protocol/redis-keys.ts';
import { packEntries } from '../../../src/fuzzer/packed-entries.ts';
import type { CorpusEntryData } from '../../../src/fuzzer/scheduling/task.ts';
import type { ShapeSignature } from '../../../src/model/batched-model.ts';
import { describeOnRedis } from '../../support/redis.ts';

const keys = new RedisKeys('corpus');
const SIZE = 100;

const form: ShapeSignature = {
  key: 'x',
  inputs: [{ name: 'x', type: 'float32', shape: [SIZE], size: SIZE }],
};

const parcelOf = (entry: number): CorpusEntryData =>
  ({
    entryIndex: entry,
    ancestorIndex: 0,
    referenceIndex: entry % 3,
    data: { form, inputs: [new Float32Array(SIZE).fill(entry)] },
    activations: Float32Array.of(entry, -entry),
  }) satisfies CorpusEntryData;

describeOnRedis('a corpus that comes over a queue', (client) => {
  const publish = (session: string, from: number, to: number) => {
    const packedEntries = packEntries(Array.from({ length: to - from }, (_, i) => parcelOf(from + i)));
    const part = packMessage({ v: MESSAGE_VERSION, from, packedEntries });
    return client().hset(keys.entries(session), String(from), part);
  };
  const corpusOf = (session: string, most: number, linf?: number) =>
    new RemoteCorpus(
      { redis: client(), keys, session },
      2,
      { limits: { ...(linf === undefined ? {} : { linf }) }, descriptors: [] },
      most,
    );
  const task = (parents: number[], partners: number[] = []) => ({ parents, partners });

  test('has what tasks need, and beside that no more bytes than it may', async () => {
    const session = 'bounded';
    for (const [from, to] of [
      [0, 40],
      [40, 41],
      [41, 100],
    ])
      await publish(session, from, to);
    const room = 10 * SIZE * 4;
    const corpus = corpusOf(session, room);
    await corpus.ensureEntries(100);
    expect([...corpus.vectors(98, 100)]).toEqual([98, -98, 99, -99]);
    expect(corpus.bytes).toBeLessThanOrEqual(room);
    const [first, second] = [task([0, 40, 99], [-1, 50]), task(Array.from({ length: 30 }, (_, i) => 3 * i))];
    const letGo = await corpus.holdValues(first);
    const letGoToo = await corpus.holdValues(second);
    for (const entry of [...corpus.requiredEntries(first), ...corpus.requiredEntries(second)])
      expect(corpus.entryData(entry)).toEqual(parcelOf(entry));
    letGo();
    expect(corpus.entryData(87)).toEqual(parcelOf(87));
    letGoToo();
    expect(corpus.bytes).toBeLessThanOrEqual(room);
    expect(() => corpus.requiredEntries(first).map((entry) => corpus.entryData(entry))).toThrow(
      /are not here/,
    );
  });

  test('where mutants are tied to their seeds it holds those as well', async () => {
    await publish('tied', 0, 9);
    const corpus = corpusOf('tied', 0, 0.1);
    await corpus.ensureEntries(9);
    const letGo = await corpus.holdValues(task([5, 7]));
    expect(corpus.requiredEntries(task([5, 7]))).toEqual([5, 7, 0, 2, 1]);
    for (const entry of [5, 7, 0, 2, 1]) expect(corpus.entryData(entry)).toEqual(parcelOf(entry));
    letGo();
    expect(corpus.bytes).toBe(0);
  });

  test('says what is not there, or has a gap, and has it once it is', async () => {
    const session = 'gaps';
    await publish(session, 0, 5);
    const corpus = corpusOf(session, 1e6);
    await expect(corpus.ensureEntries(6)).rejects.toThrow(/the corpus is not on the queue/);
    await client().hset(
      keys.entries(session),
      '5',
      packMessage({ v: MESSAGE_VERSION, from: 4, packedEntries: packEntries([parcelOf(4)]) }),
    );
    await expect(corpus.ensureEntries(6)).rejects.toThrow(/has a gap/);
    await publish(session, 5, 6);
    await corpus.ensureEntries(6);
    const letGo = await corpus.holdValues(task([5]));
    expect(corpus.entryData(5).data.inputs[0][0]).toBe(5);
    letGo();
  });
});
