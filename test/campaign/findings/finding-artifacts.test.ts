import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import { renderFindingArtifacts } from '../../../src/campaign/findings/finding-artifacts.ts';
import { decodeTestcase } from '../../../src/inputs/testcase.ts';
import { shapeSignatureOf, type TestcaseInput } from '../../../src/model/testcase-batch.ts';
import type { Finding } from '../../../src/storage/finding.ts';
import { decodeOutputs } from '../../../src/storage/finding-files.ts';

const INPUTS: TestcaseInput[] = [{ name: 'image', type: 'float32', shape: [1, 2, 3], size: 6 }];
const FORM = shapeSignatureOf(INPUTS);
const TESTCASE = { form: FORM, inputs: [Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1)] };
const FORMAT = {
  height: 2,
  width: 3,
  channels: 1,
  channelsFirst: true,
  bgr: false,
  resize: 'crop',
  black: [0],
  white: [1],
} as const;

function violation(details: Record<string, unknown> = {}): Pick<Finding, 'batch' | 'violation'> {
  return { violation: { tensors: ['loss'], details } } as Pick<Finding, 'batch' | 'violation'>;
}

test('a testcase without an image is stored as its arrays alone', async () => {
  const files = await renderFindingArtifacts(violation(), { testcase: TESTCASE }, [undefined]);
  expect([...files.keys()]).toEqual(['input.npz']);
  expect(decodeTestcase(INPUTS, files.get('input.npz') ?? new Uint8Array(), 'x')).toEqual(TESTCASE);
});

test('a batch is stored only for a batch-dependent finding, with its number of rows', async () => {
  const batch = { form: FORM, inputs: [Float32Array.from({ length: 12 }, (_, i) => i / 12)] };
  const data = { testcase: TESTCASE, batch };
  expect((await renderFindingArtifacts(violation(), data, [undefined])).has('batch.npz')).toBe(false);
  const dependent = { ...violation(), batch: { row: 1, rows: 2 } };
  const files = await renderFindingArtifacts(dependent, data, [undefined]);
  expect(decodeTestcase(INPUTS, files.get('batch.npz') ?? new Uint8Array(), 'x', 2).inputs).toEqual(
    batch.inputs,
  );
});

test('a testcase and its transform are drawn with the pixels that the values stand for', async () => {
  const transformed = { form: FORM, inputs: [new Float32Array(6).fill(1)] };
  const files = await renderFindingArtifacts(violation(), { testcase: TESTCASE, transformed }, [FORMAT]);
  const pixels = async (name: string): Promise<number[]> => {
    const { data, info } = await sharp(files.get(name))
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.height, info.width]).toEqual([2, 3]);
    return [...data];
  };
  expect(await pixels('input.png')).toEqual([0, 51, 102, 153, 204, 255]);
  expect(await pixels('changed.png')).toEqual(new Array(6).fill(255));
});

test('outputs of both runs, the text and the marked answer have files of their own', async () => {
  const output = { name: 'y', type: 'float32', shape: [1], data: Float32Array.of(2) } as const;
  const outputs = { reference: [output], second: [{ ...output, data: Float32Array.of(3) }] };
  const files = await renderFindingArtifacts(
    violation({ prompt: 'hi', answer: 'a bad word', from: 2, to: 5 }),
    { testcase: TESTCASE, outputs, text: 'hi' },
    [undefined],
  );
  expect([...files.keys()].sort()).toEqual(['answer.txt', 'input.npz', 'input.txt', 'outputs.npz']);
  expect(decodeOutputs(files.get('outputs.npz') ?? new Uint8Array(), 'x')).toEqual(outputs);
  expect(Buffer.from(files.get('answer.txt') ?? []).toString()).toBe(
    'prompt:\nhi\n\nanswer:\na »bad« word\n',
  );
  expect(Buffer.from(files.get('input.txt') ?? []).toString()).toBe('hi');
});
