import { describe, expect, test } from '@jest/globals';
import { inferInput, inferInputs, seedValues } from '../../src/inputs/infer-input.ts';
import type { InputEvidence } from '../../src/model/input-evidence.ts';
import type { InputSpec } from '../../src/model/model.ts';

const spec = (name: string, type: InputSpec['type'], shape: InputSpec['shape']): InputSpec => ({
  name,
  type,
  shape,
});

describe('the range', () => {
  test.each<[string, InputSpec, InputEvidence, readonly [number, number]]>([
    ['of ids is that of the table they look up', spec('ids', 'int64', [null]), { lookupRows: 64 }, [0, 63]],
    [
      'of ids in bytes ends with the bytes',
      spec('x', 'uint8', [12]),
      { lookupRows: 300, isEmbedding: true },
      [0, 255],
    ],
    ['of audio is from −1 to 1', spec('audio', 'float32', [16_000]), {}, [-1, 1]],
    [
      'behind a division by 255 is that of levels',
      spec('x', 'float32', [28, 28, 1]),
      { interval: { by: 'Div scale', low: 0, high: 255 } },
      [0, 255],
    ],
    [
      'of pixels with a mean of 0.449 and a deviation of 0.226 is from 0 to 1',
      spec('x', 'float32', [3, 32, 32]),
      { normalization: { by: 'Sub m', mean: [0.449], deviation: [0.226], axis: undefined } },
      [0, 1],
    ],
    [
      'of pixels with a mean of 116 is that of levels',
      spec('x', 'float32', [3, 32, 32]),
      { normalization: { by: 'Sub m', mean: [116], deviation: [58], axis: undefined } },
      [0, 255],
    ],
    ['of other numbers is from 0 to 1', spec('x', 'float32', [6]), {}, [0, 1]],
  ])('%s', (_, input, evidence, [low, high]) => {
    expect(inferInput(input, evidence).range).toMatchObject({ low, high });
  });

  test('behind a normalization reaches three deviations from the mean, by channel', () => {
    const normalization = { by: 'BatchNormalization bn', mean: [0, 100], deviation: [1, 20] };
    const table = inferInput(spec('x', 'float32', [2]), { normalization: { ...normalization, axis: 1 } });
    expect(table.range).toEqual({
      low: -3,
      high: 160,
      channels: [
        { low: -3, high: 3 },
        { low: 40, high: 160 },
      ],
      channelsFirst: false,
    });
    expect(table.rangeReason).toBe('3 standard deviations about the mean in BatchNormalization bn');
    const signal = inferInput(spec('x', 'float32', [2, 50]), {
      normalization: { ...normalization, axis: 1 },
    });
    expect(signal.range.channelsFirst).toBe(true);
  });

  test('of a column that trees test reaches beyond its first and last split value', () => {
    const splits = { by: 'TreeEnsembleRegressor t', values: [[10, 20, 50], [], [3]] };
    expect(inferInput(spec('x', 'float32', [3]), { splits }).range.channels).toEqual([
      { low: 0, high: 60 },
      { low: 0, high: 1 },
      { low: 0, high: 6 },
    ]);
  });
});

describe('inputs that stay beside others', () => {
  const audio = spec('input', 'float32', [null]);
  const infer = (other: InputSpec, evidence: InputEvidence, outputs: string[] = ['y']) =>
    inferInputs([audio, other], { evidence: [{}, evidence], outputs })[1];

  test('are states, which begin at zero: by what reads them, or by their name and the output of the next one', () => {
    const byGraph = infer(spec('x2', 'float32', [1, 16]), { stateOf: 'GRU g' });
    expect(byGraph).toMatchObject({ kind: 'state', stays: true, seedValue: 0 });
    expect(infer(spec('state', 'float32', [2, 128]), {}, ['y', 'stateN'])).toMatchObject({ kind: 'state' });
    expect(infer(spec('h', 'float32', [2, 64]), {}, ['y', 'hn'])).toMatchObject({ kind: 'state' });
    expect(infer(spec('state', 'float32', [2, 128]), {}, ['y']).kind).not.toBe('state');
    expect(seedValues(byGraph, { low: -5, high: 5 })).toEqual({ range: { low: 0, high: 0 } });
  });

  test('are single values that the model compares with constants, the first of which they have', () => {
    const compared = infer(spec('rate', 'int64', []), { comparedWith: [16_000, 8000] });
    expect(compared).toMatchObject({ kind: 'selector', stays: true, seedValue: 16_000 });
    expect(compared.range).toEqual({ low: 8000, high: 16_000 });
    expect(infer(spec('sr', 'int64', []), {})).toMatchObject({ kind: 'selector', seedValue: 16_000 });
    expect(infer(spec('scale', 'float32', []), {})).toMatchObject({ kind: 'number', stays: false });
  });

  test('are masks, of which drawn seeds show all', () => {
    const mask = infer(spec('mask', 'int64', [null]), {});
    expect(mask).toMatchObject({ kind: 'mask', stays: true });
    expect(seedValues(mask)).toEqual({ range: { low: 1, high: 1 } });
  });

  test('are masks, but for those that can hide everything from an operation that then fails', () => {
    const mask = infer(spec('mask', 'int64', [null]), { maskedSites: ['Softmax_9'] });
    expect(mask).toMatchObject({ stays: false, maskedSites: ['Softmax_9'] });
    expect(seedValues(mask)).toEqual({ range: { low: 1, high: 1 } });
    expect(infer(spec('x', 'int64', [null]), { maskedSites: ['Softmax_9'] }).maskedSites).toBeUndefined();
  });

  test('do not stay where nothing else would be mutated', () => {
    expect(inferInput(spec('mask', 'int64', [8])).stays).toBe(false);
    const masks = inferInputs([spec('mask', 'int64', [8]), spec('mask2', 'int64', [8])], { outputs: ['y'] });
    expect(masks.map(({ stays }) => stays)).toEqual([false, false]);
  });
});
