import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorMessage } from '../../../src/core/errors.ts';
import type { Random } from '../../../src/core/random.ts';
import { ModelProto } from '../../../src/model/formats/onnx/proto.ts';
import { changedBytes, filesBelow } from '../damage.ts';
import { brokenPromise } from '../ending.ts';
import { changedFields } from '../protobuf-fields.ts';
import type { HostileClass, Trial } from '../suite.ts';

/** Models of the tests and of the bundled campaigns, which are small. */
const MODELS = [
  'corpora/broken-loss/broken.onnx',
  'corpora/nan-digits/nan-digits.onnx',
  'corpora/nan-digits/nan-digits-tfjs',
  'corpora/quantized-digits/digits-int8.onnx',
  'test/fixtures/encoder.onnx',
  'test/fixtures/external/tabular.onnx',
  'test/fixtures/lstm.onnx',
  'test/fixtures/saved-model',
  'test/fixtures/sklearn/boosted.onnx',
  'test/fixtures/sklearn/pipeline.onnx',
  'test/fixtures/tabular-int8.onnx',
  'test/fixtures/tfjs-graph',
  'test/fixtures/tfjs-layers',
  'test/fixtures/transformers/bert-dynamo.onnx',
];

/** One model in so many is run through the command `inspect`, and one through `fuzz`; all are loaded as `inspect` does. */
const INSPECT_EVERY = 20;
const FUZZ_EVERY = 18;

/** Models changed by bytes and, where they are ONNX, by fields of the protocol buffer. */
export const changedModels: HostileClass = {
  name: 'models',
  trials: 3000,
  prepare: async () => changedModel,
};

const changedModel: Trial = async (random, lane, folder) => {
  const { path, what } = writeChangedModel(random, folder);
  const refusal = await lane.inspect(path).then(
    () => undefined,
    (error: unknown) => `inspect: ${errorMessage(error)}`,
  );
  let commands = 1;
  if (refusal !== undefined) return { what, commands, failure: refusal };
  const run = async (args: readonly string[], allowed: readonly number[]): Promise<string | undefined> => {
    commands++;
    const broken = brokenPromise(await lane.command(args), allowed);
    return broken && `${args[0]}: ${broken}`;
  };
  let failure: string | undefined;
  if (random.below(INSPECT_EVERY) === 0) failure = await run(['inspect', path, '--sites'], [0, 2]);
  if (random.below(FUZZ_EVERY) === 0) {
    const limits = ['-n', '256', '-s', 'hostile', '-j', '1', '--timeout', '5s', '--quiet'];
    failure ??= await run(['fuzz', path, ...limits, '-o', join(folder, 'out')], [0, 1, 2]);
  }
  return { what, commands, failure };
};

/** Writes a model with one of its files changed. */
function writeChangedModel(random: Random, folder: string): { path: string; what: string } {
  const original = MODELS[random.below(MODELS.length)];
  const isFile = original.endsWith('.onnx');
  // Weights in a file beside it come along.
  const source =
    isFile && !original.includes('/external/') ? original : isFile ? dirname(original) : original;
  const copy = join(folder, basename(source));
  cpSync(source, copy, { recursive: true });
  const path = source === original ? copy : join(copy, basename(original));
  const files =
    path.endsWith('.onnx') && source === original ? [path] : filesBelow(copy).map((f) => join(copy, f));
  const file = files[random.below(files.length)];
  const bytes = readFileSync(file);
  const byFields = file.endsWith('.onnx') && random.below(3) > 0;
  writeFileSync(file, byFields ? changedFields(ModelProto, bytes, random) : changedBytes(bytes, random));
  const what = `${original}, ${byFields ? 'fields' : 'bytes'} of ${basename(file)} changed`;
  const json = join(path, 'model.json');
  return { path: existsSync(json) ? json : path, what };
}
