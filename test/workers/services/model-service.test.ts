import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import type { ModelSession } from '../../../src/workers/model-session.ts';
import { built } from '../../support/built.ts';
import '../../support/command.ts';
import { testFolder } from '../../support/folder.ts';
import { writeSoftmaxTfjs } from '../../support/models.ts';

const folder = testFolder();
const FIXTURES = 'test/fixtures';
let session: ModelSession;

beforeAll(async () => {
  const module = await built<{ ModelSession: new () => ModelSession }>('workers/model-session.js');
  session = new module.ModelSession();
});

afterAll(() => session.close());

/** Outcome of loading and running a model: `understood`, or the refusal, which must be one line. */
async function look(path: string): Promise<string> {
  try {
    const model = await session.load(path, { runtime: 'auto' });
    await session.shapes(model.watchable);
    return 'understood';
  } catch (error) {
    const { name, message } = error as Error;
    expect({ path, name }).toEqual({ path, name: 'UserError' });
    expect(message.trim()).not.toContain('\n');
    expect(message).not.toMatch(/^\s+at /m);
    return message;
  }
}

function write(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const FLIPS = 400;

describe('bytes of a small model changed at random: it is understood or refused in one line', () => {
  test.each([
    ['ONNX', ['lstm.onnx'], 'lstm.onnx'],
    ['ONNX of several inputs', ['tabular.onnx'], 'tabular.onnx'],
    ['ONNX with external data', ['external/tabular.onnx', 'external/tabular.weights'], 'tabular.onnx'],
    ['TensorFlow.js graph', ['tfjs-graph/model.json', 'tfjs-graph/group1-shard1of1.bin'], 'model.json'],
    ['TensorFlow.js layers', ['tfjs-layers/model.json', 'tfjs-layers/group1-shard1of2.bin'], 'model.json'],
    ['SavedModel', ['saved-model/saved_model.pb'], '.'],
  ])('%s, seed flips', async (format, files, model) => {
    const home = join(folder, format);
    mkdirSync(home);
    for (const file of files) cpSync(join(FIXTURES, file, '..'), home, { recursive: true });
    const originals = files.map((file) => readFileSync(join(FIXTURES, file)));
    const random = randomStream('flips', format);
    let refused = 0;
    for (let round = 0; round < FLIPS; round++) {
      const which = random.below(files.length);
      const path = join(home, files[which].split('/').at(-1) as string);
      const changed = Buffer.from(originals[which]);
      for (let flip = 0; flip <= random.below(4); flip++)
        changed[random.below(changed.length)] = random.below(256);
      writeFileSync(path, round % 10 === 9 ? changed.subarray(0, random.below(changed.length)) : changed);
      if ((await look(join(home, model))) !== 'understood') refused++;
      writeFileSync(path, originals[which]);
    }
    expect(refused).toBeGreaterThan(FLIPS / 20);
  });
});

describe('a model made to do harm is refused', () => {
  test('an ONNX graph nested beyond reason', async () => {
    // ModelProto.graph is field 7, GraphProto.node 1, NodeProto.attribute 5, AttributeProto.g 6.
    const wrapped = (field: number, inner: Uint8Array): Uint8Array => {
      const length: number[] = [];
      for (let left = inner.length; ; left >>>= 7) {
        length.push(left > 127 ? (left & 127) | 128 : left);
        if (left <= 127) break;
      }
      return Buffer.concat([Uint8Array.of((field << 3) | 2, ...length), inner]);
    };
    let graph: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 5000; depth++) graph = wrapped(1, wrapped(5, wrapped(6, graph)));
    const bytes = Buffer.concat([Uint8Array.of(8, 8), wrapped(7, graph)]);
    expect(await look(write('nested.onnx', bytes))).toMatch(/nested|nests|depth|not an ONNX model/);
  });

  test('a small file of JSON that takes gigabytes to read', async () => {
    const many = `{"modelTopology":[${'{},'.repeat(40e6)}{}],"weightsManifest":[]}`;
    const path = write('many.json', gzipSync(many, { level: 1 }));
    expect(await look(path)).toMatch(/loading it takes more than \d+\.\d (GB of memory|s of computing)/);
  });

  test('an ONNX graph that makes gigabytes of nothing is looked at without them', async () => {
    const graph = new OnnxBuilder();
    const x = graph.input('x', 'float32', [1, 4]);
    const size = graph.constant('size', 'int64', [1], BigInt64Array.of(1_600_000_000n));
    graph.node('Expand', [graph.constant('one', 'float32', [1], Float32Array.of(1)), size], 'ones');
    graph.node('ReduceSum', ['ones'], 'sum', { keepdims: 0 });
    graph.node('Add', [x, 'sum'], 'y');
    graph.output('y', 'float32', [1, 4]);
    await session.load(write('expanding.onnx', graph.finish('expanding')), { runtime: 'auto' });
    expect((await session.shapes([])).failure).toMatch(/takes more than \d+\.\d GB of memory/);
  });

  test('a gzip bomb in place of model.json, and of weights', async () => {
    const bomb = gzipSync(Buffer.alloc(300_000_000, ' '));
    const home = join(folder, 'bomb');
    mkdirSync(home);
    writeFileSync(join(home, 'model.json'), bomb);
    expect(await look(home)).toMatch(/model\.json unpacks to more than \d+ bytes; refused/);
    const model = writeSoftmaxTfjs(folder, 'bombed');
    writeFileSync(join(folder, 'bombed', 'group1-shard1of1.bin'), bomb);
    expect(await look(model)).toMatch(/shard1of1\.bin unpacks to more than 48 bytes; refused/);
  });

  test('weights of an impossible number', async () => {
    const model = writeSoftmaxTfjs(folder, 'vast');
    const json = readFileSync(model, 'utf8').replaceAll('"shape":[4,3]', '"shape":[4000000,3000000]');
    writeFileSync(model, json);
    expect(await look(model)).toMatch(/truncated: 48 bytes where the manifest says 48000000000000/);
  });

  test('JSON nested a million times', async () => {
    const path = write('deep.json', `{"modelTopology":${'['.repeat(1e6)}`);
    expect(await look(path)).toMatch(/deep\.json is not a TensorFlow\.js model/);
  });

  test('external data that lie outside the folder, also by a symbolic link', async () => {
    const home = join(folder, 'outside');
    cpSync(join(FIXTURES, 'external'), home, { recursive: true });
    const bytes = readFileSync(join(home, 'tabular.onnx'));
    const renamed = (name: string) =>
      Buffer.from(bytes.toString('latin1').replaceAll('tabular.weights', name), 'latin1');
    write('elsewhere.bin', readFileSync(join(home, 'tabular.weights')));
    writeFileSync(join(home, 'up.onnx'), renamed('../elsewhere.bi'));
    writeFileSync(join(home, 'far.onnx'), renamed('/etc/hostname..'));
    symlinkSync(join(folder, 'elsewhere.bin'), join(home, 'linked.weights_'));
    writeFileSync(join(home, 'link.onnx'), renamed('linked.weights_'));
    expect(await look(join(home, 'tabular.onnx'))).toBe('understood');
    for (const name of ['up', 'far', 'link']) {
      expect(await look(join(home, `${name}.onnx`))).toMatch(/lies outside the model's folder; refused/);
    }
  });

  test('a SavedModel that reads files or runs code', async () => {
    const home = join(folder, 'reading');
    cpSync(join(FIXTURES, 'saved-model'), home, { recursive: true });
    const path = join(home, 'saved_model.pb');
    const bytes = readFileSync(path).toString('latin1');
    // One operation's name for another of the same length, in the place where nodes have it.
    writeFileSync(path, Buffer.from(bytes.replaceAll('\x12\x08Identity', '\x12\x08ReadFile'), 'latin1'));
    expect(await look(home)).toMatch(
      /holds the operation ReadFile .*, which does more than compute: refused/,
    );
  });

  test('a SavedModel whose weights lie elsewhere', async () => {
    const home = join(folder, 'linked-model');
    mkdirSync(join(home, 'variables'), { recursive: true });
    cpSync(join(FIXTURES, 'saved-model', 'saved_model.pb'), join(home, 'saved_model.pb'));
    symlinkSync('/etc/hostname', join(home, 'variables', 'variables.index'));
    expect(await look(home)).toMatch(/lies outside the model's folder; refused/);
  });
});
