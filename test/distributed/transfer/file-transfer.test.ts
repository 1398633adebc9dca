import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Keys } from '../../../src/distributed/protocol/redis-keys.ts';
import { Cache, Departing } from '../../../src/distributed/transfer/file-transfer.ts';
import { testFolder } from '../../support/folder.ts';
import { describeOnRedis } from '../../support/redis.ts';

const folder = testFolder();
const keys = new Keys('travel');

describeOnRedis('files that come over a queue', (client) => {
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  };

  test('come over as they were, however many parts they have, and are fetched once', async () => {
    const bytes = new Uint8Array(2_500_000).map((_, i) => (i * 7) % 251);
    const departing = await Departing.file(file('home/list.txt', bytes), [
      basename(file('home/beside.json', '{}')),
    ]);
    await departing.depart(client(), keys);
    const cache = new Cache(join(folder, 'whole'), 1e9);
    const path = await cache.path(departing.travelling, client(), keys);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(readFileSync(join(dirname(path), 'beside.json'), 'utf8')).toBe('{}');
    await client().flushall();
    expect(await cache.path(departing.travelling, client(), keys)).toBe(path);
    expect(readdirSync(join(folder, 'whole'))).toEqual([basename(dirname(path))]);
  });

  test('that came over damaged, or are not there, leave nothing behind', async () => {
    const departing = await Departing.file(file('home/words.txt', 'one\ntwo\n'), []);
    const [{ sha256 }] = departing.travelling.files;
    const cache = new Cache(join(folder, 'damaged'), 1e9);
    await expect(cache.path(departing.travelling, client(), keys)).rejects.toThrow(/is not on the queue/);
    await client().set(keys.part(sha256, 0), 'one\ntwo!');
    await expect(cache.path(departing.travelling, client(), keys)).rejects.toThrow(
      /words\.txt came over damaged/,
    );
    expect(readdirSync(join(folder, 'damaged'))).toEqual([]);
  });

  test('take no more room than they may: what was used longest ago goes', async () => {
    const cache = new Cache(join(folder, 'bounded'), 250);
    const paths: string[] = [];
    for (const [i, letter] of ['a', 'b', 'c'].entries()) {
      const departing = await Departing.file(file(`home/${letter}`, letter.repeat(100)), []);
      await departing.depart(client(), keys);
      paths.push(await cache.path(departing.travelling, client(), keys));
      utimesSync(dirname(paths[i]), i, i);
    }
    expect(readdirSync(join(folder, 'bounded')).sort()).toEqual(
      paths
        .slice(1)
        .map((path) => basename(dirname(path)))
        .sort(),
    );
    const large = await Departing.file(file('home/large', 'x'.repeat(300)), []);
    await large.depart(client(), keys);
    await expect(cache.path(large.travelling, client(), keys)).rejects.toThrow(/see --cache-size/);
  });

  test('what processes left that are gone is taken away, and what others use is not', async () => {
    const cache = new Cache(join(folder, 'swept'), 1e9);
    const own = await cache.scratch();
    const gone = own.replace(`-${process.pid}-`, '-999999999-');
    mkdirSync(gone);
    mkdirSync(join(folder, 'swept', '.tmp-otherhost-1-abc'));
    await cache.sweep();
    expect(readdirSync(join(folder, 'swept')).sort()).toEqual(['.tmp-otherhost-1-abc', basename(own)].sort());
  });
});
