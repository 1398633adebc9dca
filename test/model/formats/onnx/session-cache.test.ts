import { expect, test } from '@jest/globals';
import type { InferenceSession } from 'onnxruntime-node';
import { SessionCache } from '../../../../src/model/formats/onnx/session-cache.ts';

/** A cache whose sessions are named after what they expose, and the names in the order of opening and releasing. */
function makeCache() {
  const opened: string[] = [];
  const released: string[] = [];
  const make = (name: string) =>
    ({ name, release: async () => void released.push(name) }) as unknown as InferenceSession & {
      name: string;
    };
  const plain = make('plain');
  const cache = new SessionCache(plain, ['out'], async (exposed) => {
    opened.push(exposed.join());
    return make(exposed.join());
  });
  const nameFor = async (...watched: string[]) =>
    ((await cache.sessionFor(watched)) as unknown as { name: string }).name;
  return { cache, opened, released, nameFor };
}

test('outputs come from the unmodified model, other tensors from a session that exposes them, opened once', async () => {
  const { opened, nameFor } = makeCache();
  expect(await nameFor()).toBe('plain');
  expect(await nameFor('out')).toBe('plain');
  expect(await nameFor('a', 'out')).toBe('a');
  expect(await nameFor('a')).toBe('a');
  expect(opened).toEqual(['a']);
});

test('of more than five sessions the least recently used is released, never that of the unmodified model', async () => {
  const { released, nameFor } = makeCache();
  for (const name of ['a', 'b', 'c', 'd', 'a', 'e']) await nameFor(name);
  expect(released).toEqual(['b']);
  for (const name of ['f', 'g', 'h', 'i', 'j']) await nameFor(name);
  expect(released).toEqual(['b', 'c', 'd', 'a', 'e', 'f']);
});

test('tensors exposed in bulk share one session; one that was open before keeps its own and is not released', async () => {
  const { cache, opened, released, nameFor } = makeCache();
  await nameFor('a');
  cache.expose(['a', 'b', 'c', 'out']);
  expect(await nameFor('b')).toBe('a,b,c');
  expect(await nameFor('c', 'b')).toBe('a,b,c');
  expect(await nameFor('a')).toBe('a');
  expect(await nameFor('d')).toBe('d');
  expect(opened).toEqual(['a', 'a,b,c', 'd']);
  for (const name of ['e', 'f', 'g', 'h']) await nameFor(name);
  expect(released).not.toContain('a');
});

test('disposing releases every session', async () => {
  const { cache, released, nameFor } = makeCache();
  await nameFor('a');
  await cache.dispose();
  expect(released.sort()).toEqual(['a', 'plain']);
});

test('a session that is opened while all others are pinned is not released at once', async () => {
  const { cache, released, nameFor } = makeCache();
  for (const name of ['a', 'b', 'c', 'd']) await nameFor(name);
  cache.expose(['x']);
  expect(await nameFor('x')).toBe('x');
  expect(released).toEqual([]);
  expect(await nameFor('y')).toBe('y');
  expect(released).toEqual(['x']);
});
