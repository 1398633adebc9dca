import { expect, test } from '@jest/globals';
import { findAttentionBlocks } from '../../../src/analysis/attention/find-blocks.ts';
import {
  type AttentionMeasures,
  type BlockMeasures,
  measureAttention,
} from '../../../src/analysis/attention/measure-attention.ts';
import { drawNormal, randomStream } from '../../../src/core/random.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import type { TestcaseBatch } from '../../../src/model/testcase-batch.ts';
import { sizeOf } from '../../../src/tensor/tensor.ts';

const FIXTURES = 'test/fixtures/attention';
const SIDES = { height: 14, width: 14 };

function drawn(shape: readonly number[], draw: () => number): TestcaseBatch[] {
  const size = sizeOf(shape);
  const form = { inputs: [{ name: 'x', type: 'float32', shape, size } as const], key: shape.join() };
  return Array.from({ length: 4 }, () => ({ form, inputs: [Float32Array.from({ length: size }, draw)] }));
}

async function measure(name: string): Promise<AttentionMeasures> {
  const random = randomStream('inputs of', name.split('-')[0]);
  const isPicture = name.startsWith('picture');
  const testcases = isPicture
    ? drawn([1, SIDES.height, SIDES.width], random.uniform)
    : drawn([6, 8], () => drawNormal(random));
  const model = await loadModel(`${FIXTURES}/${name}.onnx`, { runtime: 'auto' });
  try {
    const { blocks } = findAttentionBlocks(model.graph);
    const pictures = testcases.map(() => (isPicture ? SIDES : undefined));
    return await measureAttention(
      new BatchedModel(model),
      { blocks, testcases, pictures, shown: 1 },
      () => {},
    );
  } finally {
    await model.dispose();
  }
}

const flagsOf = ({ heads }: BlockMeasures): string[] => [...new Set(heads.flatMap(({ flags }) => flags))];

test('a block whose keys are pooled is measured in pixels of the picture', async () => {
  const { blocks, weights } = await measure('picture-plain');
  const [block] = blocks;
  expect(block).toMatchObject({ queries: 196, keys: 49, unit: 'pixels' });
  expect(block.effect).toBeGreaterThan(0.01);
  const [{ sumError, distance, flags }] = block.heads;
  expect(sumError).toBeLessThan(1e-5);
  expect(distance).toBeGreaterThan(0);
  expect(distance).toBeLessThan(14 * Math.SQRT2);
  expect(flags).toEqual([]);
  // The product reads keys first; they come last.
  const [[first]] = weights;
  expect([first.heads, first.queries, first.keys]).toEqual([1, 196, 49]);
  expect(first.values.subarray(0, 49).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
});

test.each([
  ['picture-dead', ['dead']],
  ['picture-collapsed', ['collapsed']],
  ['picture-masked', []],
  ['picture-scaled', []],
])('%s has the flags %j', async (name, flags) => {
  const { blocks } = await measure(name);
  expect(flagsOf(blocks[0])).toEqual(flags);
  if (name === 'picture-dead') expect(blocks[0].effect).toBe(0);
});

test.each(['heads-plain', 'heads-scaled', 'heads-masked', 'keras-plain', 'keras-scaled', 'keras-masked'])(
  'a block over a sequence has no flag, masked by −∞ or not: %s',
  async (name) => {
    const { blocks } = await measure(name);
    expect(blocks[0].heads).toHaveLength(name === 'keras-plain' ? 1 : 2);
    expect(blocks[0]).toMatchObject({ queries: 6, keys: 6, unit: 'places' });
    expect(flagsOf(blocks[0])).toEqual([]);
  },
);
