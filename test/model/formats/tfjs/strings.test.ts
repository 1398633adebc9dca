import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { UserError } from '../../../../src/core/errors.ts';
import { loadModel } from '../../../../src/model/formats/registry.ts';
import { attr, TfjsBuilder } from '../../../../src/model/formats/tfjs/builder.ts';
import type { Model } from '../../../../src/model/model.ts';
import { quantizeTfjs } from '../../../../src/model/quantize/quantize-tfjs.ts';
import { encodeStrings } from '../../../../src/tensor/strings.ts';
import { testFolder } from '../../../support/folder.ts';

const folder = testFolder();
const BUCKETS = 8;
const SCALE = 0.25;

/** A model that puts texts into buckets: `score` is a bucket's number, scaled, and `label` its name. Returns its files. */
function bucketModel() {
  const graph = new TfjsBuilder();
  graph.input('text', 'string', [-1]);
  // Strings of several lengths before a number: where that begins hangs on them.
  const names = Array.from({ length: BUCKETS }, (_, i) => 'é'.repeat(i));
  graph.strings('names', [BUCKETS], names);
  graph.constant('scale', 'float32', [], Float32Array.of(SCALE));
  graph.constant('axis', 'int32', [], Int32Array.of(0));
  graph.node('StringToHashBucketFast', ['text'], 'bucket', { num_buckets: attr.int(BUCKETS) });
  graph.node('Cast', ['bucket'], 'number', { SrcT: { type: 'DT_INT64' }, DstT: attr.type('float32') });
  graph.node('Mul', ['number', 'scale'], 'score');
  graph.node('GatherV2', ['names', 'bucket', 'axis'], 'label', {
    Tparams: attr.type('string'),
    Taxis: attr.type('int32'),
  });
  graph.output('score', 'float32', [-1]);
  graph.output('label', 'string', [-1]);
  return graph.finish();
}

function write(name: string, weightBytes = Number.POSITIVE_INFINITY): string {
  const { json, weightFile, weights } = bucketModel();
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, weightFile), weights.subarray(0, weightBytes));
  const path = join(folder, name, 'model.json');
  writeFileSync(path, json);
  return path;
}

async function scoresOf(model: Model, texts: readonly string[]): Promise<number[]> {
  const { outputs } = await model.run([encodeStrings(texts, [texts.length])], []);
  return [...(outputs[0].data as Float32Array)];
}

test('a model of strings takes them as code points, and what it says in strings is left out', async () => {
  const model = await loadModel(write('buckets'), { runtime: 'auto' });
  expect(model.inputs).toMatchObject([{ name: 'text', type: 'uint32', shape: [null, null], strings: {} }]);
  expect(model.outputs).toEqual(['score']);
  expect(model.omittedOutputs).toEqual([{ name: 'label', reason: expect.stringContaining('strings') }]);
  expect(model.watchable).toEqual(expect.arrayContaining(['bucket', 'score']));
  expect(model.watchable).not.toContain('label');
  const texts = ['one', 'two', 'three', 'Δ', 'one', ''];
  const scores = await scoresOf(model, texts);
  expect(scores[4]).toBe(scores[0]);
  expect(new Set(scores).size).toBeGreaterThan(1);
  for (const score of scores) expect([...Array(BUCKETS).keys()].map((i) => SCALE * i)).toContain(score);
  await model.dispose();
});

test('a quantized copy keeps weights of strings', async () => {
  const path = write('original');
  const copy = join(folder, 'copy');
  mkdirSync(copy);
  for (const [name, bytes] of await quantizeTfjs(path, 'float16')) writeFileSync(join(copy, name), bytes);
  const texts = ['one', 'two', 'three'];
  const [before, after] = await Promise.all(
    [path, join(copy, 'model.json')].map(async (file) =>
      scoresOf(await loadModel(file, { runtime: 'auto' }), texts),
    ),
  );
  expect(after).toEqual(before);
});

test('weights that end within a string, or say that one is longer than the file, are cut short', async () => {
  const load = (path: string) => loadModel(path, { runtime: 'auto' });
  await expect(load(write('within', 50))).rejects.toThrow(/truncated: 50 bytes/);
  await expect(load(write('length', 2))).rejects.toThrow(UserError);
  const path = write('hostile');
  const bytes = Buffer.alloc(200, 0xff);
  writeFileSync(join(folder, 'hostile', bucketModel().weightFile), bytes);
  await expect(load(path)).rejects.toThrow(/truncated/);
});
