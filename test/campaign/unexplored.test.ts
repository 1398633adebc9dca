import { describe, expect, test } from '@jest/globals';
import { findNumericalSites } from '../../src/analysis/numerical-sites/find-sites.ts';
import type { ResolvedInputs } from '../../src/campaign/resolve/inputs.ts';
import { unexploredLines } from '../../src/campaign/unexplored.ts';
import type { CampaignConfig } from '../../src/config/schema.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../src/model/formats/onnx/graph.ts';
import type { InputEvidence } from '../../src/model/input-evidence.ts';
import type { ModelInfo } from '../../src/model/model.ts';
import { traitsOf } from '../support/mutators.ts';

/** log(x), log(h) and a whole number ids, in a batch. */
function modelOf(evidence: readonly InputEvidence[] = []) {
  const builder = new OnnxBuilder();
  const inputs = (['x', 'h0', 'ids'] as const).map((name) => ({
    name,
    type: name === 'ids' ? ('int64' as const) : ('float32' as const),
    shape: [null, 4],
    dimensions: ['batch', null],
  }));
  for (const { name, type } of inputs) builder.input(name, type, ['batch', 4]);
  builder.node('Log', ['x'], 'log_x');
  builder.node('Log', ['h0'], 'log_h');
  builder.output('log_x', 'float32', ['batch', 4]);
  const read = readOnnx(builder.finish('logs'), 'logs.onnx');
  const model = { ...read, inputs, outputs: ['h0_next'], evidence } as unknown as ModelInfo;
  return { model, sites: findNumericalSites(read) };
}

function lines(
  mutators: readonly (readonly string[])[],
  {
    mutator,
    untried = [],
    evidence = [],
    high = 1,
  }: {
    mutator?: CampaignConfig['mutator'];
    untried?: string[];
    evidence?: InputEvidence[];
    high?: number;
  } = {},
): string[] {
  const { model, sites } = modelOf(evidence);
  const descriptors = model.inputs.map(({ name }) => traitsOf({ name, range: { low: 0, high } }));
  const inputs = { inputs: model.inputs, mutators, descriptors } as unknown as ResolvedInputs;
  return unexploredLines(model, sites, inputs, { untried }, { mutator });
}

describe('the summary', () => {
  test('names inputs that stay, what they reach, and the flag that frees them', () => {
    expect(lines([['gaussian'], [], []])).toEqual([
      'inputs that stayed: h0 (log_h depends on it; --mutator h0=numbers has it mutated); ids (no site depends on it; --mutator ids=numbers --range ids=lo,hi has it mutated)',
    ]);
  });

  test('is silent on what was asked for, and where nothing was left out', () => {
    expect(lines([['gaussian'], [], ['values']], { mutator: 'h0=none' })).toEqual([]);
    expect(lines([['gaussian'], ['gaussian'], ['values']])).toEqual([]);
  });

  test('names sizes and ids that are never tried', () => {
    const evidence = [{}, {}, { lookupRows: 300 }];
    const mutators = [['gaussian'], ['gaussian'], ['values']];
    expect(lines(mutators, { untried: ['sizes of T above 9'], evidence, high: 278 })).toEqual([
      'never tried: sizes of T above 9; ids 279 to 299 of the table that ids looks up',
    ]);
    expect(lines(mutators, { evidence, high: 299 })).toEqual([]);
  });
});
