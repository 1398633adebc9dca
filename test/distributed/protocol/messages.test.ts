import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { workerFileDependencies } from '../../../src/distributed/coordinator/file-dependencies.ts';
import { packMessage, unpackMessage } from '../../../src/distributed/protocol/codec.ts';
import {
  checkDescriptor,
  checkResult,
  checkShard,
  MESSAGE_VERSION,
} from '../../../src/distributed/protocol/messages.ts';
import { explainRedisError, parseQueueAddress } from '../../../src/distributed/redis/connection.ts';
import type { WorkerSetup } from '../../../src/workers/worker-setup.ts';

describe('what passes over a queue', () => {
  test('typed arrays of every kind, maps and what is not finite come back as they were', () => {
    const all = [
      Float32Array.of(0, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e-45),
      Float64Array.of(Math.PI, -1e308),
      Int8Array.of(-128, 127),
      Uint8Array.of(0, 255),
      Int16Array.of(-32_768),
      Uint16Array.of(65_535),
      Int32Array.of(-(2 ** 31)),
      Uint32Array.of(2 ** 32 - 1),
      BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
      BigUint64Array.of(2n ** 64n - 1n),
    ];
    const message = {
      all,
      map: new Map([['a', [1]]]),
      none: undefined,
      gone: null,
      text: 'é\u0000\u{1F600}',
    };
    expect(unpackMessage(packMessage(message))).toEqual(message);
  });

  test('any plain data comes back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.stringify(unpackMessage(packMessage(value)))).toBe(JSON.stringify(value));
      }),
    );
  });

  test('bytes of anything else are refused or are no message of ours', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => checkResult(unpackMessage(bytes))).toThrow(/damaged|none of ours/);
      }),
    );
  });
});

describe('messages are checked', () => {
  const task = {
    number: 1,
    execsBefore: 0,
    mutants: 8,
    parents: [0],
    mates: [-1],
    chains: [0],
    saturated: [],
    indexed: 0,
    threshold: 1,
  };
  const shard = { v: MESSAGE_VERSION, id: '1-1-0', entries: 1, tasks: [task] };

  test('a shard as we write it passes; of another version, or with numbers that make no sense, it does not', () => {
    expect(checkShard(shard)).toBe(shard);
    for (const change of [
      { v: 2 },
      { tasks: [] },
      { entries: -1 },
      { tasks: [{ ...task, mutants: 2 ** 30 }] },
      { tasks: [{ ...task, parents: 'all' }] },
    ])
      expect(() => checkShard({ ...shard, ...change })).toThrow(/none of ours/);
  });

  test('a model whose files would lie outside its folder does not', () => {
    const model = (name: string) => ({
      main: 'model.onnx',
      files: [{ name, bytes: 1, sha256: 'b'.repeat(64) }],
    });
    const form = { key: 'k', inputs: [{ name: 'x', type: 'float32', shape: [1], size: 1 }] };
    const descriptor = (name: string) => ({
      v: MESSAGE_VERSION,
      version: '0.1.0',
      session: 'c'.repeat(32),
      name: 'net',
      setup: { warm: { form, columns: [Float32Array.of(1)] }, batch: 1, points: [] },
      load: { runtime: 'onnx' },
      timeout: 1,
      sha256: 'a'.repeat(64),
      model: model(name),
      files: [],
      plugins: [],
      width: 1,
      trials: [],
    });
    expect(checkDescriptor(descriptor('weights/a.bin'))).toBeDefined();
    for (const name of ['../a', '/etc/passwd', 'a/../../b', 'C:\\a', '', 'a\0b'])
      expect(() => checkDescriptor(descriptor(name))).toThrow(/none of ours/);
  });
});

describe('what a campaign brings along', () => {
  const carried = (change: Partial<WorkerSetup>, load = {}) =>
    workerFileDependencies(
      { objectives: ['nonfinite'], mutators: [['gaussian']], criterion: 'norm', ...change },
      load,
    );

  test('is each module and each list that its settings name, and nothing that only looks like one', () => {
    expect(carried({ objectives: ['nonfinite', 'assert:a/b < 1', 'text:regex,file=[0-9]+'] })).toEqual({
      modules: [],
      files: [],
    });
    expect(
      carried({
        objectives: ['./own.js:bound=2', 'metamorphic:image=/tmp/change.js:most=1+gaussian'],
        mutators: [['image=./own.js:amount=2', 'gaussian'], ['./other.mjs']],
        criterion: './cells.js',
      }).modules,
    ).toEqual(['./own.js', '/tmp/change.js', './other.mjs', './cells.js']);
    const { files } = carried(
      { objectives: ['text:name=bad,words,whole=0,file=/lists/words.txt', 'text:canary,file=secrets.txt'] },
      { generate: { vocabulary: 'corpora/char-lm/vocabulary.json' } },
    );
    expect(files.map(({ path }) => path)).toEqual([
      '/lists/words.txt',
      'secrets.txt',
      'corpora/char-lm/vocabulary.json',
    ]);
    expect(carried({}, { generate: { vocabulary: 'codepoints' } }).files).toEqual([]);
  });
});

describe('addresses', () => {
  test('are shown without user and password', () => {
    const address = parseQueueAddress('rediss://joe:s3cret@redis.example:6380/2');
    expect(address.displayUrl).toBe('rediss://redis.example:6380/2');
    const told = explainRedisError(new Error('WRONGPASS invalid username-password pair'), address);
    expect(told.message).not.toMatch(/s3cret|joe/);
    expect(told.message).toContain('refuses the password');
  });

  test('that are none are refused, and what was typed is not told: it may hold a password', () => {
    for (const text of ['localhost:6379', 'http://u:s3cret@host', 's3cret'])
      expect(() => parseQueueAddress(text)).toThrow(
        expect.objectContaining({ message: expect.not.stringMatching(/s3cret/) }),
      );
  });
});
