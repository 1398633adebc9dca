import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { chooseWatchedTensors } from '../../src/model/coverage-tensors.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

/** Exports of transformers by both exporters of PyTorch, with the sizes that they leave open. */
const EXPORTS: readonly (readonly [name: string, shape: readonly string[]])[] = [
  ['gpt2-dynamo', ['input_ids=1,8']],
  ['gpt2-torchscript', ['input_ids=1,8', 'attention_mask=1,8']],
  ['bert-dynamo', ['input_ids=1,8', 'attention_mask=1,8']],
  ['bert-torchscript', ['input_ids=1,8', 'attention_mask=1,8']],
  ['vit-dynamo', []],
  ['vit-torchscript', []],
  ['resnet-dynamo', []],
  ['resnet-torchscript', []],
  ['mobilenet-v2-dynamo', []],
  ['mobilenet-v2-torchscript', []],
];

/** Both of GPT-2, which differ in their masks, and one of each other network: the other exporter's differs in names alone. */
const FUZZED = [
  'gpt2-dynamo',
  'gpt2-torchscript',
  'bert-dynamo',
  'vit-torchscript',
  'resnet-dynamo',
  'mobilenet-v2-torchscript',
];

test.each(EXPORTS)('the logits of %s are watched', async (name) => {
  const model = await loadModel(`test/fixtures/transformers/${name}.onnx`, { runtime: 'auto' });
  expect(chooseWatchedTensors(model).tensors).toEqual(['logits']);
  await model.dispose();
});

test.each(EXPORTS.filter(([name]) => FUZZED.includes(name)))(
  '%s is fuzzed by its logits, and nothing is found in it',
  async (name, shape) => {
    const run = await neurofuzz([
      'fuzz',
      resolve('test/fixtures/transformers', `${name}.onnx`),
      ...(shape.length === 0 ? [] : ['--shape', ...shape]),
      '--out',
      join(folder, name),
      '--seed',
      '1',
      '--execs',
      '500',
      '--json',
      '--quiet',
    ]);
    expect(run).toMatchObject({ code: 0 });
    const { execs, coverage, corpus, findings } = JSON.parse(run.stdout);
    expect({ execs, tensors: coverage.tensors, findings }).toEqual({
      execs: 500,
      tensors: ['logits'],
      findings: { hits: 0, signatures: [] },
    });
    expect(corpus.count).toBeGreaterThan(corpus.seeds);
  },
);

test('--measure attention watches the attention weights of a transformer, and needs their names in another model', async () => {
  const fuzz = (name: string, ...shape: string[]) =>
    neurofuzz([
      'fuzz',
      resolve('test/fixtures/transformers', `${name}.onnx`),
      ...shape,
      '--measure',
      'attention',
      '--out',
      join(folder, `attention-${name}`),
      '--seed',
      '1',
      '--execs',
      '200',
      '--json',
      '--quiet',
    ]);
  const run = await fuzz('gpt2-torchscript', '--shape', 'input_ids=1,8', 'attention_mask=1,8');
  expect(run).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/attention weights/) });
  expect(JSON.parse(run.stdout).coverage.tensors).toEqual([
    '/model/transformer/h.0/attn/Softmax_output_0',
    '/model/transformer/h.1/attn/Softmax_output_0',
  ]);
  expect(await fuzz('resnet-torchscript')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--measure attention: no attention weights were found.*--coverage/),
  });
});
