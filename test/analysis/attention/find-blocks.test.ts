import { describe, expect, test } from '@jest/globals';
import { findAttentionBlocks } from '../../../src/analysis/attention/find-blocks.ts';
import { decodeOnnxGraph } from '../../support/read-graph.ts';

const FIXTURES = 'test/fixtures';

describe('exports of PyTorch, transformers and Keras', () => {
  test.each([
    ['attention/picture-plain', 1, false],
    ['attention/picture-scaled', 1, false],
    ['attention/picture-masked', 1, true],
    ['attention/heads-plain', 1, false],
    ['attention/heads-scaled', 1, false],
    ['attention/heads-masked', 1, true],
    ['attention/keras-plain', 1, false],
    ['attention/keras-scaled', 1, false],
    ['attention/keras-masked', 1, true],
    ['transformers/gpt2-torchscript', 2, true],
    ['transformers/gpt2-dynamo', 2, true],
    ['transformers/vit-torchscript', 2, false],
    ['transformers/vit-dynamo', 2, undefined],
    ['transformers/bert-torchscript', 2, true],
    ['transformers/bert-dynamo', 2, true],
    ['tiny-gpt/model', 2, true],
  ] as const)('%s has %i blocks; with a mask: %s', (name, count, isMasked) => {
    const { blocks, notVisible } = findAttentionBlocks(decodeOnnxGraph(`${FIXTURES}/${name}.onnx`));
    expect(blocks).toHaveLength(count);
    expect(notVisible).toEqual([]);
    for (const { branch, axes, mask } of blocks) {
      expect(branch).toBeDefined();
      expect(axes.query + axes.key).toBeLessThan(-2);
      if (isMasked !== undefined) expect(mask !== undefined).toBe(isMasked);
    }
  });

  test('of a block of Self-Attention GANs γ is found, and weights that the product reads in their second place', () => {
    const graph = decodeOnnxGraph(`${FIXTURES}/attention/picture-plain.onnx`);
    const [block] = findAttentionBlocks(graph).blocks;
    expect(block.branch?.gamma).toEqual({ name: 'block.gamma', value: expect.closeTo(0.7, 6) });
    expect(block.axes).toEqual({ query: -1, key: -2 });
    expect(graph.nodes.find(({ name }) => name === block.name)?.op).toBe('Softmax');
  });
});

test.each([
  ['convnet', 'its result is an output of the model'],
  ['../../corpora/nan-digits/nan-digits', undefined],
  ['../../corpora/six-seven/undefended', undefined],
  ['../../corpora/quantized-digits/digits', undefined],
  ['transformers/resnet-dynamo', undefined],
])('%s has no block of attention', (name, why) => {
  const { blocks, others } = findAttentionBlocks(decodeOnnxGraph(`${FIXTURES}/${name}.onnx`));
  expect(blocks).toEqual([]);
  expect(others.map((other) => other.why)).toEqual(why === undefined ? [] : [why]);
});
