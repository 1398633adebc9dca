import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findAttentionBlocks } from '../../../src/analysis/attention/find-blocks.ts';
import { measureAttention } from '../../../src/analysis/attention/measure-attention.ts';
import { measureSpectra } from '../../../src/analysis/spectral/measure-spectra.ts';
import { drawNormal, randomStream } from '../../../src/core/random.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { attr, TfjsBuilder } from '../../../src/model/formats/tfjs/builder.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

/** Attention of x to itself in the operations of TensorFlow, added to x, behind a factor of 0. */
function write(): string {
  const graph = new TfjsBuilder();
  const x = graph.input('x', 'float32', [-1, 4, 3]);
  const flip = { adj_x: attr.bool(false), adj_y: attr.bool(true) };
  graph.node('BatchMatMulV2', [x, x], 'products', flip);
  graph.node('Softmax', ['products'], 'weights');
  graph.node('BatchMatMulV2', ['weights', x], 'attended', {
    adj_x: attr.bool(false),
    adj_y: attr.bool(false),
  });
  graph.node('Mul', ['attended', graph.constant('gamma', 'float32', [], Float32Array.of(0))], 'scaled');
  graph.node('AddV2', [x, 'scaled'], 'y');
  graph.output('y', 'float32', [-1, 4, 3]);
  const { json, weightFile, weights } = graph.finish();
  writeFileSync(join(folder, 'model.json'), json);
  writeFileSync(join(folder, weightFile), weights);
  return join(folder, 'model.json');
}

test('a TensorFlow.js graph model: attention is found and measured, and ends the bound of gains', async () => {
  const model = await loadModel(write(), { runtime: 'cpu' });
  const { blocks } = findAttentionBlocks(model.graph);
  expect(blocks).toMatchObject([
    { name: 'weights', query: 'x', key: 'x', value: 'x', axes: { query: -2, key: -1 } },
  ]);
  expect(blocks[0].branch).toEqual({ skip: 'x', output: 'y', gamma: { name: 'gamma', value: 0 } });
  const random = randomStream('sequences');
  const form = { inputs: [{ name: 'x', type: 'float32', shape: [4, 3], size: 12 } as const], key: '4,3' };
  const testcase = { form, inputs: [Float32Array.from({ length: 12 }, () => drawNormal(random))] };
  const batched = new BatchedModel(model);
  const request = { blocks, testcases: [testcase], pictures: [undefined], shown: 0 };
  const [block] = (await measureAttention(batched, request, () => {})).blocks;
  expect(block.heads.map(({ flags }) => flags)).toEqual([['dead']]);
  const { gain } = await measureSpectra(batched, testcase, () => {});
  await model.dispose();
  expect(gain.bound).toBeNull();
  expect(gain.stops.map(({ name }) => name)).toEqual(['products']);
});
