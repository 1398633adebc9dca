import { expect, test } from '@jest/globals';
import { RemoteCorpus } from '../../../src/distributed/node/remote-corpus.ts';
import { packed } from '../../../src/distributed/protocol/codec.ts';
import { MESSAGE_VERSION } from '../../../src/distributed/protocol/messages.ts';
import { Keys } from '../../../src/distributed/protocol/redis-keys.ts';
import type { Parcel, Task } from '../../../src/fuzzer/scheduling/task.ts';
import { bundledParcels } from '../../../src/workers/pack-entries.ts';
import { describeOnRedis } from '../../support/redis.ts';

const keys = new Keys('corpus');
const SIZE = 100;

const form = { key: 'x', inputs: [{ name: 'x', type: 'float32', shape: [SIZE], size: SIZE, dims: [SIZE] }] };

const parcelOf = (entry: number): Parcel =>
  ({
    entry,
    ancestor: 0,
    reference: entry % 3,
    data: { form, columns: [new Float32Array(SIZE).fill(entry)] },
    activations: Float32Array.of(entry, -entry),
  }) as unknown as Parcel;

describeOnRedis('a corpus that comes over a queue', (client) => {
  const publish = (session: string, from: number, to: number) => {
    const parcels = bundledParcels(Array.from({ length: to - from }, (_, i) => parcelOf(from + i)));
    const part = packed({ v: MESSAGE_VERSION, from, parcels });
    return client().hset(keys.entries(session), String(from), part);
  };
  const corpusOf = (session: string, most: number, linf?: number) =>
    new RemoteCorpus(
      { redis: client(), keys, session },
      2,
      { limits: { ...(linf === undefined ? {} : { linf }) }, traits: [] } as never,
      most,
    );
  const task = (parents: number[], mates: number[] = []) => ({ parents, mates }) as unknown as Task;

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
    await corpus.have(100);
    expect([...corpus.vectors(98, 100)]).toEqual([98, -98, 99, -99]);
    expect(corpus.bytes).toBeLessThanOrEqual(room);
    const [first, second] = [task([0, 40, 99], [-1, 50]), task(Array.from({ length: 30 }, (_, i) => 3 * i))];
    const letGo = await corpus.hold(first);
    const letGoToo = await corpus.hold(second);
    for (const entry of [...corpus.needs(first), ...corpus.needs(second)])
      expect(corpus.parcel(entry)).toEqual(parcelOf(entry));
    letGo();
    expect(corpus.parcel(87)).toEqual(parcelOf(87));
    letGoToo();
    expect(corpus.bytes).toBeLessThanOrEqual(room);
    expect(() => corpus.needs(first).map((entry) => corpus.parcel(entry))).toThrow(/are not here/);
  });

  test('where mutants are tied to their seeds it holds those as well', async () => {
    await publish('tied', 0, 9);
    const corpus = corpusOf('tied', 0, 0.1);
    await corpus.have(9);
    const letGo = await corpus.hold(task([5, 7]));
    expect(corpus.needs(task([5, 7]))).toEqual([5, 7, 0, 2, 1]);
    for (const entry of [5, 7, 0, 2, 1]) expect(corpus.parcel(entry)).toEqual(parcelOf(entry));
    letGo();
    expect(corpus.bytes).toBe(0);
  });

  test('says what is not there, or has a gap, and has it once it is', async () => {
    const session = 'gaps';
    await publish(session, 0, 5);
    const corpus = corpusOf(session, 1e6);
    await expect(corpus.have(6)).rejects.toThrow(/the corpus is not on the queue/);
    await client().hset(
      keys.entries(session),
      '5',
      packed({ v: MESSAGE_VERSION, from: 4, parcels: bundledParcels([parcelOf(4)]) }),
    );
    await expect(corpus.have(6)).rejects.toThrow(/has a gap/);
    await publish(session, 5, 6);
    await corpus.have(6);
    const letGo = await corpus.hold(task([5]));
    expect(corpus.parcel(5).data.columns[0][0]).toBe(5);
    letGo();
  });
});
