import { expect, test } from '@jest/globals';
import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { checkSettings } from '../../src/config/load.ts';
import { randomStream } from '../../src/core/random.ts';
import type { TestcaseData } from '../../src/inputs/testcase.ts';
import { explainedConfig, FaultExplainer } from '../../src/report/explain-faults.ts';
import { ExplanationsPart } from '../../src/report/html/fault-parts.tsx';
import { testFolder } from '../support/folder.ts';
import { writeRectifiedOnnx } from '../support/saliency.ts';
import { testcaseOf } from '../support/tasks.ts';

const INPUTS = [
  { name: 'x', range: [-1, 1] },
  { name: 'kept', range: [0, 0] },
  { name: 'y', range: [0, 5] },
] as const;

function rangeOf(range: unknown) {
  const config = checkSettings(
    { model: 'model.onnx', ...(range === undefined ? {} : { range }) },
    {},
    'test',
  );
  return explainedConfig(config, INPUTS, 'model.onnx', '1').range;
}

test('ranges are those of the campaign: as they were set, else as they were resolved', () => {
  expect(rangeOf(undefined)).toEqual({ x: [-1, 1], y: [0, 5] });
  expect(rangeOf({ x: [0, 2] })).toEqual({ x: [0, 2], y: [0, 5] });
  expect(rangeOf([0, 9])).toEqual([0, 9]);
});

const folder = testFolder();

/** Explains a testcase against its seed, on a model that is a dense net behind its first operation. */
async function explained(model: string, testcases: readonly TestcaseData[]) {
  const gaps: string[] = [];
  const settings = { model, range: [0, 29], jobs: 1, seed: '1' };
  const config = explainedConfig(checkSettings(settings, {}, 'test'), [], model, '1');
  const explainer = new FaultExplainer(config, testcases, gaps);
  const explanations = await explainer.explain({ seed: testcases[0], finding: testcases[1] });
  return { gaps, explanations };
}

function testcaseWith(name: string, shape: readonly number[], draw: () => number): TestcaseData {
  const size = shape.reduce((product, side) => product * side, 1);
  const form = { inputs: [{ name, type: 'float32', shape, size } as const], key: shape.join() };
  return { form, inputs: [Float32Array.from({ length: size }, draw)] };
}

const random = randomStream('explain-faults');
const rows = (places: number): number[][] =>
  Array.from({ length: 6 }, () => Array.from({ length: places }, () => Math.floor(30 * random.uniform())));

test('of a table the report shows bars of the strongest columns of seed and finding', async () => {
  // Ranks of few columns agree by chance.
  const model = writeRectifiedOnnx(folder, 'table.onnx', { places: 64 });
  const { gaps, explanations } = await explained(
    model,
    rows(64).map((row) => testcaseOf(row)),
  );
  expect(gaps).toEqual([]);
  expect(explanations?.pictures).toEqual([]);
  const [seed, finding] = explanations?.places ?? [];
  expect(seed.label).toMatch(/^gradient, seed: class \d$/);
  expect(finding.label).toMatch(/^gradient, finding: class \d$/);
  expect(seed.tokens).toEqual([]);
  expect(seed.strongest).toHaveLength(10);
  expect(seed.strongest[0].name).toMatch(/^column \d+$/);
});

test('of tokens it shows the text with those marked that matter', async () => {
  const model = writeRectifiedOnnx(folder, 'tokens.onnx', { places: 12, embedded: 30 });
  const tokens = rows(12);
  const { gaps, explanations } = await explained(
    model,
    tokens.map((row) => testcaseOf(row, 'int64')),
  );
  expect(gaps).toEqual([]);
  const [seed] = explanations?.places ?? [];
  expect(seed.tokens.map(({ text }) => Number(text))).toEqual(tokens[0]);
  expect(seed.tokens.some(({ emphasis }) => emphasis === 'strong')).toBe(true);
  const html = renderToString(h(ExplanationsPart, { explanations }));
  expect(html).toContain('Red is for the class');
  expect(html).toMatch(/<mark><strong>\d+<\/strong><\/mark>/);
});

test('what a block of attention reads is shown of seed and finding, whatever the check says of it', async () => {
  const model = 'test/fixtures/attention/heads-plain.onnx';
  const sequences = Array.from({ length: 4 }, () => testcaseWith('x', [6, 8], () => random.uniform()));
  const { gaps, explanations } = await explained(model, sequences);
  expect(gaps).toEqual([]);
  const labels = (explanations?.places ?? []).map(({ label }) => label.replace(/class \d/, 'class'));
  expect(labels).toEqual(expect.arrayContaining(['attention, seed: class', 'attention, finding: class']));
  expect(explanations?.leftOut.some((method) => method.startsWith('attention'))).toBe(false);
});
