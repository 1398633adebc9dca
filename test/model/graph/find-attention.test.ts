import { expect, test } from '@jest/globals';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { findAttention } from '../../../src/model/graph/find-attention.ts';

test.each([
  ['transformers/gpt2-torchscript', 2],
  ['transformers/bert-dynamo', 2],
  ['transformers/vit-torchscript', 2],
  ['transformers/resnet-dynamo', 0],
  ['convnet', 0],
])('%s has attention weights of %i layers, and the classifier’s softmax is none', async (name, layers) => {
  const model = await loadModel(`test/fixtures/${name}.onnx`, { runtime: 'auto' });
  const found = findAttention(model);
  await model.dispose();
  expect(found).toHaveLength(layers);
  for (const tensor of found)
    expect(model.graph.nodes.find(({ outputs }) => outputs.includes(tensor))?.op).toBe('Softmax');
});
