import { expect, test } from '@jest/globals';
import { roundToLevels, SeedSpan, severityOf } from '../../../src/campaign/findings/severity.ts';
import { resolveImageFormat } from '../../../src/inputs/image.ts';
import type { TestcaseData } from '../../../src/inputs/testcase.ts';
import { shapeSignatureOf } from '../../../src/model/testcase-batch.ts';

const form = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [8, 8], size: 64 }]);
const testcase = (value: (i: number) => number): TestcaseData => ({
  form,
  inputs: [Float32Array.from({ length: 64 }, (_, i) => value(i))],
});
const seeds = [testcase(() => 0), testcase((i) => (i < 32 ? 0.5 : 0))];
const picture = resolveImageFormat({ name: 'x', type: 'float32', shape: [8, 8] }, undefined, [0, 1]);

test('what the seeds span is told position by position', () => {
  const span = new SeedSpan(seeds);
  const inside = span.clip(testcase((i) => (i < 48 ? 0.4 : 0)));
  expect(inside?.outside).toBe(16 / 64);
  expect(
    [...((inside as { data: TestcaseData }).data.inputs[0] as Float32Array)].map((value) => value > 0),
  ).toEqual(Array.from({ length: 64 }, (_, i) => i < 32));
  const other = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [2], size: 2 }]);
  expect(span.clip({ form: other, inputs: [Float32Array.of(1, 2)] })).toBeUndefined();
});

test('a picture is rounded to the levels that a file has; what is none stays', () => {
  const rounded = roundToLevels(
    testcase(() => 0.3),
    [picture],
  );
  expect(rounded?.inputs[0][0]).toBe(Math.fround(77 / 255));
  expect(
    roundToLevels(
      testcase(() => 0.3),
      [undefined],
    ),
  ).toBeUndefined();
});

test('severity tries what is brought within the span, and what is rounded', async () => {
  const span = new SeedSpan(seeds);
  const tried: TestcaseData[] = [];
  const tries = async (variant: TestcaseData) => {
    tried.push(variant);
    return (variant.inputs[0] as Float32Array).some((value) => value > 0.6)
      ? ('same' as const)
      : ('none' as const);
  };
  const severe = await severityOf(
    testcase((i) => (i === 0 ? 0.7 : 0)),
    span,
    [picture],
    tries,
  );
  expect(severe).toEqual({ outsideSeeds: 0.01563, withinSeeds: 'none', in8Bit: 'same' });
  expect(tried.length).toBe(2);
  expect(await severityOf(seeds[1], span, [undefined], tries)).toEqual({
    outsideSeeds: 0,
    withinSeeds: 'same',
  });
});
