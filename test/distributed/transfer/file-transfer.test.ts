import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { RedisKeys } from '../../../src/distributed/protocol/redis-keys.ts';
import { FileCache, UploadBundle } from '../../../src/distributed/transfer/file-transfer.ts';
import { testFolder } from '../../support/folder.ts';
import { describeOnRedis } from '../../support/redis.ts';

const folder = testFolder();
const keys = new RedisKeys('travel');

describeOnRedis('files that come over a queue', (client) => {
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  };

  test('come over as they were, however many parts they have, and are fetched once', async () => {
    const bytes = new Uint8Array(2_500_000).map((_, i) => (i * 7) % 251);
    const departing = await UploadBundle.ofFile(file('home/list.txt', bytes), [
      basename(file('home/beside.json', '{}')),
    ]);
    await departing.upload(client(), keys);
    const cache = new FileCache(join(folder, 'whole'), 1e9);
    const path = await cache.fetchPath(departing.manifest, client(), keys);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(readFileSync(join(dirname(path), 'beside.json'), 'utf8')).toBe('{}');
    await client().flushall();
    expect(await cache.fetchPath(departing.manifest, client(), keys)).toBe(path);
    expect(readdirSync(join(folder, 'whole'))).toEqual([basename(dirname(path))]);
  });

  test('that came over damaged, or are not there, leave nothing behind', async () => {
    const departing = await UploadBundle.ofFile(file('home/words.txt', 'one\ntwo\n'), []);
    const [{ sha256 }] = departing.manifest.files;
    const cache = new FileCache(join(folder, 'damaged'), 1e9);
    await expect(cache.fetchPath(departing.manifest, client(), keys)).rejects.toThrow(/is not on the queue/);
    await client().set(keys.filePart(sha256, 0), 'one\ntwo!');
    await expect(cache.fetchPath(departing.manifest, client(), keys)).rejects.toThrow(
      /words\.txt was damaged in transfer/,
    );
    expect(readdirSync(join(folder, 'damaged'))).toEqual([]);
  });

  test('take no more room than they may: what was used longest ago goes', async () => {
    const cache = new FileCache(join(folder, 'bounded'), 250);
    const paths: string[] = [];
    for (const [i, letter] of ['a', 'b', 'c'].entries()) {
      const departing = await UploadBundle.ofFile(file(`home/${letter}`, letter.repeat(100)), []);
      await departing.upload(client(), keys);
      paths.push(await cache.fetchPath(departing.manifest, client(), keys));
      utimesSync(dirname(paths[i]), i, i);
    }
    expect(readdirSync(join(folder, 'bounded')).sort()).toEqual(
      paths
        .slice(1)
        .map((path) => basename(dirname(path)))
        .sort(),
    );
    const large = await UploadBundle.ofFile(file('home/large', 'x'.repeat(300)), []);
    await large.upload(client(), keys);
    await expect(cache.fetchPath(large.manifest, client(), keys)).rejects.toThrow(/raise --cache-size/);
  });

  test('what processes left that are gone is taken away, and what others use is not', async () => {
    const cache = new FileCache(join(folder, 'swept'), 1e9);
    const own = await cache.createScratchFolder();
    const gone = own.replace(`-${process.pid}-`, '-999999999-');
    mkdirSync(gone);
    mkdirSync(join(folder, 'swept', '.tmp-otherhost-1-abc'));
    await cache.removeStaleFolders();
    expect(readdirSync(join(folder, 'swept')).sort()).toEqual(['.tmp-otherhost-1-abc', basename(own)].sort());
  });
});
