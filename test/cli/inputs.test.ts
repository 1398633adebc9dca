/** What campaigns do with inputs of which the graph says something: `init` and `fuzz` by the real command. */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ML_DOMAIN, OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { guessIn } from '../support/guesses.ts';

const folder = testFolder();

function write(name: string, graph: OnnxBuilder): string {
  const path = join(folder, name);
  writeFileSync(path, graph.finish(name));
  return path;
}

/** A GRU of two units as PyTorch exports it: x `[batch, time, 4]`, its state `[1, batch, 2]`. */
function writeGru(): string {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 'time', 4]);
  graph.input('h0', 'float32', [1, 'batch', 2]);
  const weights = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i + 1) / 2);
  graph.constant('w', 'float32', [1, 6, 4], weights(24));
  graph.constant('r', 'float32', [1, 6, 2], weights(12));
  graph.node('Transpose', ['x'], 'steps', { perm: [1, 0, 2] });
  graph.node('GRU', ['steps', 'w', 'r', '', '', 'h0'], ['all', 'hn'], { hidden_size: 2 });
  graph.node('Transpose', ['hn'], 'last', { perm: [1, 0, 2] });
  graph.node('Flatten', ['last'], 'y', { axis: 1 });
  graph.output('y', 'float32', ['batch', 2]);
  graph.output('hn', 'float32', [1, 'batch', 2]);
  return write('gru.onnx', graph);
}

/** Spectra of frames: a convolution of 64 samples with a stride of 32 over a signal, which fails below 64. */
function writeFilterBank(): string {
  const graph = new OnnxBuilder();
  graph.input('input', 'float32', ['batch', 'samples']);
  graph.input('sr', 'int64', []);
  graph.constant('axis', 'int64', [1], BigInt64Array.of(1n));
  graph.constant('wide', 'int64', [], BigInt64Array.of(16_000n));
  graph.constant(
    'w',
    'float32',
    [4, 1, 600],
    Float32Array.from({ length: 2400 }, (_, i) => Math.sin(i)),
  );
  graph.node('Equal', ['sr', 'wide'], 'isWide');
  graph.node('Cast', ['isWide'], 'factor', { to: 1 });
  graph.node('Unsqueeze', ['input', 'axis'], 'signal');
  graph.node('Conv', ['signal', 'w'], 'bands', { strides: [32] });
  graph.node('Mul', ['bands', 'factor'], 'y');
  graph.output('y', 'float32', ['batch', 4, 'frames']);
  return write('bank.onnx', graph);
}

/** A tree of two columns: column 0 below 40.5, then column 1 below −3.25. */
function writeTree(): string {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 2]);
  graph.node(
    'TreeEnsembleRegressor',
    ['x'],
    'y',
    {
      n_targets: 1,
      nodes_treeids: [0, 0, 0, 0, 0],
      nodes_nodeids: [0, 1, 2, 3, 4],
      nodes_featureids: [0, 1, 0, 0, 0],
      nodes_values: { floats: [40.5, -3.25, 0, 0, 0] },
      nodes_truenodeids: [1, 3, 0, 0, 0],
      nodes_falsenodeids: [2, 4, 0, 0, 0],
      nodes_missing_value_tracks_true: [0, 0, 0, 0, 0],
      nodes_modes: { strings: ['BRANCH_LEQ', 'BRANCH_LEQ', 'LEAF', 'LEAF', 'LEAF'] },
      target_treeids: [0, 0, 0],
      target_nodeids: [2, 3, 4],
      target_ids: [0, 0, 0],
      target_weights: { floats: [1, 2, 3] },
    },
    ML_DOMAIN,
  );
  graph.output('y', 'float32', ['batch', 1]);
  return write('tree.onnx', graph);
}

async function initialized(
  model: string,
): Promise<{ readonly file: string; readonly guesses: Record<string, unknown> }> {
  const file = `${model}.yaml`;
  expect(await neurofuzz(['init', model, '--out', file])).toMatchObject({ code: 0 });
  const text = readFileSync(file, 'utf8');
  expect(parse(text)).toEqual({ model: basename(model), coverage: 'auto', preset: 'quick' });
  return {
    file,
    guesses: Object.fromEntries(['shape', 'range', 'mutator'].map((key) => [key, guessIn(text, key)])),
  };
}

const fuzz = (...flags: string[]) => neurofuzz(['fuzz', ...flags, '-s', '1', '-j', '1', '-n', '800']);
const json = (text: string) => JSON.parse(text) as { batch: number; corpus: { count: number } };

test('a recurrent network is fuzzed in batches, its state stacked along the dimension that is the batch', async () => {
  const model = writeGru();
  const { file, guesses } = await initialized(model);
  expect(guesses).toMatchObject({ shape: { x: [1, 16, 4] }, mutator: { h0: 'none' } });
  const byFile = await fuzz('-c', file, '-o', join(folder, 'gru'), '--json');
  expect(byFile.code).toBe(0);
  expect(json(byFile.stdout).batch).toBeGreaterThan(1);
  const byFlags = await fuzz(model, '-o', join(folder, 'gru2'), '--json');
  expect(byFlags.stderr).toMatch(/dynamic dimensions are set to --shape x=1,16,4/);
  expect(byFlags.stderr).toMatch(/input h0 looks like a state .* GRU .*; it stays 0: --mutator h0=numbers/);
  const full = await fuzz(model, '--shape', 'x=1,5,4', 'h0=1,1,2', '-o', join(folder, 'gru3'), '--quiet');
  expect(full).toMatchObject({ code: 0, stderr: '' });
});

test('audio gets a length that the model runs on and mutators of sound, and its sample rate stays', async () => {
  const model = writeFilterBank();
  const { file, guesses } = await initialized(model);
  expect(guesses).toMatchObject({
    shape: { input: [1, 1024] },
    range: { input: [-1, 1] },
    mutator: { input: ['numbers', 'audio'], sr: 'none' },
  });
  expect(readFileSync(file, 'utf8')).toContain('looks like selector: the model compares it with 16000');
  const byFile = await fuzz('-c', file, '-o', join(folder, 'bank'), '--json');
  expect(byFile.code).toBe(0);
  expect(json(byFile.stdout).corpus.count).toBeGreaterThan(32);
  expect(readFileSync(join(folder, 'bank', 'corpus', 'journal.jsonl'), 'utf8')).toMatch(
    /input:(?:gain|resample|shift)/,
  );
  const byFlags = await fuzz(model, '-o', join(folder, 'bank2'));
  expect(byFlags.stderr).toMatch(/input input looks like audio: Conv .*; --mutator input=numbers.*-1 to 1/);
});

test('the leaves of a decision tree are reached without seeds, by its split values', async () => {
  const model = writeTree();
  const { file, guesses } = await initialized(model);
  expect(guesses.range).toBeUndefined();
  expect(readFileSync(file, 'utf8')).toMatch(
    /each has its own, by the split values of TreeEnsembleRegressor/,
  );
  const out = join(folder, 'tree');
  const byFile = await fuzz('-c', file, '-o', out, '--objective', 'assert:max(abs(y)) < 2.5', '--json');
  expect(byFile.code).toBe(1);
});

test('where no size runs, the failure names --shape and --seeds', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 'length']);
  graph.constant('sizes', 'int64', [2], BigInt64Array.of(0n, 37n));
  graph.node('Reshape', ['x', 'sizes'], 'y');
  graph.output('y', 'float32', ['batch', 37]);
  const { code, stderr } = await fuzz(write('odd.onnx', graph), '-o', join(folder, 'odd'));
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /runs on none of 15 tried sizes of its dynamic dimensions, such as x=1,16 \(.*Reshape.*\): set sizes with --shape x=1,16, or give valid inputs with --seeds/,
  );
});
