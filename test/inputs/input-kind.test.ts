import { describe, expect, test } from '@jest/globals';
import { guessInputKind, inferInputKind } from '../../src/inputs/input-kind.ts';
import type { InputEvidence } from '../../src/model/input-evidence.ts';
import type { InputSpec } from '../../src/model/model.ts';

test.each([
  ['image', [28, 28, 1], 'float32', 'image'],
  ['x', [3, 224, 224], 'float32', 'image'],
  ['x', [null, null, 3], 'uint8', 'image'],
  ['input_ids', [128], 'int64', 'tokens'],
  ['x', [null], 'int32', 'tokens'],
  ['attention_mask', [null], 'int64', 'mask'],
  ['mask', [16], 'bool', 'mask'],
  ['training', [], 'bool', 'flag'],
  ['keep', [], 'float32', 'number'],
  ['x', [6], 'float32', 'features'],
  ['wave', [null, 1], 'float32', 'sequence'],
  ['mel', [null, 40], 'float32', 'sequence'],
  ['volume', [8, 8, 8, 8], 'float32', 'array'],
] as const)('an input %s of %j %s looks like %s %s', (name, shape, type, kind) => {
  expect(inferInputKind({ name, shape, type })).toBe(kind);
});

describe('what the graph does with an input tells', () => {
  const CONV = { kind: 'signal', by: 'Conv c' } as const;
  const LSTM = { kind: 'steps', by: 'LSTM l' } as const;
  test.each<[string, InputSpec['type'], InputSpec['shape'], InputEvidence, string]>([
    ['ids in bytes from pictures', 'uint8', [28, 28], { lookupRows: 256, isEmbedding: true }, 'tokens'],
    ['ids that are floats from features', 'float32', [12], { lookupRows: 50, isEmbedding: true }, 'tokens'],
    ['a table of single numbers is no vocabulary', 'uint8', [28, 28], { lookupRows: 256 }, 'image'],
    ['a signal from a sequence', 'float32', [1, null], { readAs: CONV }, 'audio'],
    ['a signal behind a batch of its own', 'float32', [null, null], { readAs: CONV }, 'audio'],
    ['a signal from features', 'float32', [16_000], { readAs: CONV }, 'audio'],
    ['a short row from a signal', 'float32', [100], { readAs: CONV }, 'features'],
    ['a sequence from a picture', 'float32', [32, 32], { readAs: LSTM }, 'sequence'],
  ])('%s', (_, type, shape, evidence, kind) => {
    expect(inferInputKind({ name: 'x', type, shape }, evidence)).toBe(kind);
  });
});

describe('spectrograms and vectors are not pictures', () => {
  test.each<[string, InputSpec['shape'], string]>([
    ['x', [80, 3000], 'sequence'],
    ['x', [80, 100], 'sequence'],
    ['x', [16, 96], 'sequence'],
    ['log_mel', [64, 64], 'sequence'],
    ['spectrogram', [1, 64, 64], 'array'],
    ['x', [1, 80, null], 'array'],
    ['x', [1, 40, 500], 'array'],
    ['x', [28, 28], 'image'],
    ['x', [48, 60], 'image'],
    ['x', [1, 32, 100], 'image'],
    ['features', [3, 80, 300], 'image'],
  ])('%s of %j looks like %s', (name, shape, kind) => {
    expect(inferInputKind({ name, type: 'float32', shape })).toBe(kind);
  });
});

test('audio is told by its name where it has one long dimension', () => {
  const kindOf = (name: string, shape: InputSpec['shape']) =>
    inferInputKind({ name, type: 'float32', shape });
  expect(kindOf('waveform', [1, null])).toBe('audio');
  expect(kindOf('audio_signal', [2, 16_000])).toBe('audio');
  expect(kindOf('audio_features', [1, null])).toBe('sequence');
  expect(kindOf('audio', [3, 16_000])).toBe('sequence');
  expect(kindOf('audio', [16])).toBe('features');
});

test('the reason for a kind is given', () => {
  const reading = { kind: 'signal', by: 'Conv /stft/Conv' } as const;
  expect(guessInputKind({ name: 'x', type: 'float32', shape: [null] }, { readAs: reading })).toEqual({
    kind: 'audio',
    reason: 'Conv /stft/Conv reads it as a signal of one channel',
  });
});
