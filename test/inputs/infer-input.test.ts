import { expect, test } from '@jest/globals';
import { inferInput } from '../../src/inputs/infer-input.ts';
import type { Graph } from '../../src/model/graph/graph.ts';

test('the range of numbers that an embedding layer takes is its vocabulary', () => {
  const graph: Graph = {
    nodes: [
      { name: 'words/Cast', op: 'Cast', inputs: ['text'], outputs: ['words/Cast'] },
      {
        name: 'words/Gather',
        op: 'Gather',
        inputs: ['words/embeddings', 'words/Cast'],
        outputs: ['words'],
      },
    ],
    inputs: ['text'],
    outputs: ['words'],
    constants: new Map([['words/embeddings', [120, 8]]]),
    values: new Map(),
    types: new Map(),
    shapes: new Map(),
  };
  expect(inferInput({ name: 'text', type: 'int32', shape: [10] }, graph).range).toEqual([0, 119]);
});

test("the range of numbers that look up a table is the table's, the smallest of several", () => {
  const node = (op: string, inputs: string[], name: string) => ({ name, op, inputs, outputs: [name] });
  const graph: Graph = {
    nodes: [
      node('Cast', ['ids'], 'cast'),
      node('Gather', ['words', 'cast'], 'embedded'),
      node('Gather', ['places', 'ids'], 'placed'),
      node('Gather', ['other', 'elsewhere'], 'unrelated'),
    ],
    inputs: ['ids', 'elsewhere'],
    outputs: ['embedded'],
    constants: new Map([
      ['words', [500, 8]],
      ['places', [64, 8]],
      ['other', [3, 8]],
    ]),
    values: new Map(),
    types: new Map(),
    shapes: new Map(),
  };
  expect(inferInput({ name: 'ids', type: 'int64', shape: [null] }, graph)).toMatchObject({
    kind: 'tokens',
    range: [0, 63],
  });
});
