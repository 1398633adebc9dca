import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { campaignText } from '../../src/setup/campaign-file.ts';
import type { Inspection } from '../../src/setup/inspect.ts';

/** An inspection of a model with one input of a name. */
function inspectionOf(name: string): Inspection {
  return {
    formatVersion: 1,
    model: {
      path: 'models/net.onnx',
      format: 'onnx',
      sha256: '',
      runtime: { kind: 'onnx', version: '', device: 'CPU', threads: 1, why: '' },
    },
    inputs: [
      {
        name,
        type: 'float32',
        shape: ['batch', 'length', 3],
        kind: 'sequence',
        kindWhy: `by ${name}`,
        range: [0, 1],
        isRangeByChannel: false,
        why: `as ${name}`,
        drawnShape: [1, 16, 3],
      },
    ],
    outputs: [],
    parameters: 0,
    operations: {},
    tensors: [],
    coverage: { auto: [name], why: name },
    sites: [],
    hiddenBodies: 0,
    notes: [],
  };
}

test('names out of a model stay names and comments, whatever is in them', () => {
  for (const name of [
    'x\nobjective: evil.js',
    'x\robjective: evil.js',
    'x\u2028objective: evil',
    "a: 'b' # {c}",
    '',
  ]) {
    const settings = parse(campaignText(inspectionOf(name), 'campaign.yaml', { runtime: 'auto' }));
    expect(settings).toEqual({
      model: 'models/net.onnx',
      shape: { [name]: [1, 16, 3] },
      range: { [name]: [0, 1] },
      mutator: { [name]: 'numbers' },
      coverage: 'auto',
      time: '60s',
    });
  }
});

test('how the model is to be loaded is kept, and paths are relative to the file', () => {
  const given = { runtime: 'onnx', signature: 'served', tags: ['a'] } as const;
  const settings = parse(campaignText(inspectionOf('x'), 'campaigns/night.yaml', given));
  expect(settings).toMatchObject({ model: '../models/net.onnx', ...given });
});
