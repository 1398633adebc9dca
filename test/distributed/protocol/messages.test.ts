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

describe('messages', () => {
  test('typed arrays of every kind, maps and non-finite numbers survive a round trip', () => {
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

  test('any JSON value survives a round trip', () => {
    fc.assert(
      // A key that would set a prototype is renamed on the way.
      fc.property(
        fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__')),
        (value) => {
          expect(JSON.stringify(unpackMessage(packMessage(value)))).toBe(JSON.stringify(value));
        },
      ),
    );
  });

  test('arbitrary bytes are rejected as damaged or as an unknown message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => checkResult(unpackMessage(bytes))).toThrow(/damaged|not from this version/);
      }),
    );
  });
});

describe('messages are checked', () => {
  const task = {
    number: 1,
    firstExec: 0,
    mutants: 8,
    parents: [0],
    partners: [-1],
    stacks: [0],
    saturatedSignatures: [],
    indexSize: 0,
    threshold: 1,
  };
  const shard = { v: MESSAGE_VERSION, id: '1-1-0', entries: 1, tasks: [task] };

  test('a valid shard is accepted; one of another version, or with invalid numbers, is rejected', () => {
    expect(checkShard(shard)).toBe(shard);
    for (const change of [
      { v: MESSAGE_VERSION + 1 },
      { tasks: [] },
      { entries: -1 },
      { tasks: [{ ...task, mutants: 2 ** 30 }] },
      { tasks: [{ ...task, parents: 'all' }] },
    ])
      expect(() => checkShard({ ...shard, ...change })).toThrow(/not from this version/);
  });

  test('a model is rejected if a file would be written outside its folder', () => {
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
      setup: { warm: { form, inputs: [Float32Array.of(1)] }, batch: 1, goals: [] },
      load: { runtime: 'onnx' },
      timeout: 1,
      sha256: 'a'.repeat(64),
      model: model(name),
      files: [],
      plugins: [],
      width: 1,
      referenceRuns: [],
    });
    expect(checkDescriptor(descriptor('weights/a.bin'))).toBeDefined();
    for (const name of ['../a', '/etc/passwd', 'a/../../b', 'C:\\a', '', 'a\0b'])
      expect(() => checkDescriptor(descriptor(name))).toThrow(/not from this version/);
  });
});

describe('the files that a campaign needs on a node', () => {
  const dependencies = (change: Partial<WorkerSetup>, load = {}) =>
    workerFileDependencies(
      { objectives: ['nonfinite'], mutators: [['gaussian']], criterion: 'norm', ...change },
      load,
    );

  test('are the modules and lists named in its settings, and nothing that only looks like one', () => {
    expect(dependencies({ objectives: ['nonfinite', 'assert:a/b < 1', 'text:regex,file=[0-9]+'] })).toEqual({
      modules: [],
      files: [],
    });
    expect(
      dependencies({
        objectives: ['./own.js:bound=2', 'metamorphic:image=/tmp/change.js:most=1+gaussian'],
        mutators: [['image=./own.js:amount=2', 'gaussian'], ['./other.mjs']],
        criterion: './cells.js',
      }).modules,
    ).toEqual(['./own.js', '/tmp/change.js', './other.mjs', './cells.js']);
    const { files } = dependencies(
      { objectives: ['text:name=bad,words,whole=0,file=/lists/words.txt', 'text:canary,file=secrets.txt'] },
      { generate: { vocabulary: 'corpora/char-lm/vocabulary.json' } },
    );
    expect(files.map(({ path }) => path)).toEqual([
      '/lists/words.txt',
      'secrets.txt',
      'corpora/char-lm/vocabulary.json',
    ]);
    expect(dependencies({}, { generate: { vocabulary: 'codepoints' } }).files).toEqual([]);
    expect(
      dependencies({ mutators: [['gaussian', 'program:file=out/program.npy,strength=0.5']] }).files,
    ).toEqual([{ path: 'out/program.npy', companions: [] }]);
  });
});

describe('addresses', () => {
  test('are displayed without user and password', () => {
    const address = parseQueueAddress('rediss://joe:s3cret@redis.example:6380/2');
    expect(address.displayUrl).toBe('rediss://redis.example:6380/2');
    const explained = explainRedisError(new Error('WRONGPASS invalid username-password pair'), address);
    expect(explained.message).not.toMatch(/s3cret|joe/);
    expect(explained.message).toContain('refuses the password');
  });

  test('that are invalid are rejected without repeating the input, which may contain a password', () => {
    for (const text of ['localhost:6379', 'http://u:s3cret@host', 's3cret'])
      expect(() => parseQueueAddress(text)).toThrow(
        expect.objectContaining({ message: expect.not.stringMatching(/s3cret/) }),
      );
  });
});
