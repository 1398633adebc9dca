import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { readSavedModel } from '../../../../src/model/formats/saved-model/graph.ts';
import { findLogits } from '../../../../src/model/graph/find-logits.ts';
import { countParameters } from '../../../../src/model/graph/graph.ts';

describe('a SavedModel', () => {
  const bytes = readFileSync('test/fixtures/saved-model/saved_model.pb');

  test('is read through the functions that its signature calls', () => {
    const { inputs, outputs, graph, inlinedBytes, inlinedOutputs } = readSavedModel(bytes, 'saved-model', {});
    expect(inputs).toEqual([
      { name: 'measures', tensor: 'serving_default_measures:0', dtype: 1, shape: [null, 6] },
    ]);
    expect(outputs.map(({ name, shape }) => ({ name, shape }))).toEqual([
      { name: 'probabilities', shape: [null, 2] },
    ]);
    expect(graph.nodes.map(({ op }) => op)).toEqual([
      ...['MatMul', 'AddV2', 'Relu', 'MatMul', 'AddV2', 'Identity', 'Softmax', 'Identity', 'Identity'],
    ]);
    expect(findLogits(graph)?.tensor).toMatch(/\/logits$/);
    expect(countParameters(graph)).toBe(6 * 8 + 8 + 8 * 2 + 2);
    expect(inlinedOutputs).toEqual([graph.outputs[0]]);
    const again = readSavedModel(inlinedBytes as Uint8Array, 'inlined', {});
    expect(again.graph.nodes).toEqual(graph.nodes);
  });
});
