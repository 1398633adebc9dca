import { describe, expect, test } from '@jest/globals';
import { findNumericalSites } from '../../src/analysis/numerical-sites/find-sites.ts';
import { type InputSettings, stayingInputs, untriedIds } from '../../src/campaign/staying-inputs.ts';
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

function settings(mutators: readonly (readonly string[])[], high = 1): InputSettings {
  const names = ['x', 'h0', 'ids'];
  const descriptors = names.map((name) => traitsOf({ name, range: { low: 0, high } }));
  return { mutators, descriptors } as unknown as InputSettings;
}

describe('inputs that stay', () => {
  const staying = (
    mutators: readonly (readonly string[])[],
    mutator?: CampaignConfig['mutator'],
  ): string[] => {
    const { model, sites } = modelOf();
    return stayingInputs(model, sites, settings(mutators), mutator);
  };

  test('are named with what they reach, and the flag that has them mutated', () => {
    expect(staying([['gaussian'], [], []])).toEqual([
      'h0 (log_h depends on it; --mutator h0=numbers mutates it)',
      'ids (no site depends on it; --mutator ids=numbers --range ids=lo,hi mutates it)',
    ]);
  });

  test('are named without the flag where somebody asked for it', () => {
    expect(staying([['gaussian'], [], ['values']], 'h0=none')).toEqual(['h0 (log_h depends on it)']);
  });

  test('are none where all are mutated', () => {
    expect(staying([['gaussian'], ['gaussian'], ['values']])).toEqual([]);
  });
});

test('rows of a table that no id looks up are named', () => {
  const { model } = modelOf([{}, {}, { lookupRows: 300 }]);
  const mutators = [['gaussian'], ['gaussian'], ['values']];
  expect(untriedIds(model, settings(mutators, 278))).toEqual(['ids 279 to 299 of the table indexed by ids']);
  expect(untriedIds(model, settings(mutators, 299))).toEqual([]);
});
