import { describe, expect, test } from '@jest/globals';
import { type NoiseOptions, resolveNoise } from '../../../../src/campaign/resolve/sizes/resolve-noise.ts';
import type { ModelInfo } from '../../../../src/model/model.ts';
import type { PairNoise } from '../../../../src/model/pair-noise.ts';
import { functionModel } from '../../../support/function-model.ts';
import { NO_NOTICES } from '../../../support/notices.ts';
import { testcaseOf } from '../../../support/tasks.ts';

const NOISE: PairNoise = { y: { reference: 2 ** -20, copy: 0.25 } };

const {
  run: _run,
  capabilities: _capabilities,
  constant: _constant,
  dispose: _dispose,
  ...single
} = functionModel({ inputs: [{ name: 'x', type: 'float32', shape: [null, 3] }], outputs: ['y'] }, () => []);
const { path, format, sha256, runtime } = single;
const pair = {
  ...single,
  secondModel: { path, format, sha256, runtime, outputs: new Map([['y', 'y']]) },
} as ModelInfo;

/** Resolves, and says on how many seeds noise was measured. */
async function resolve(options: Partial<NoiseOptions>) {
  let seeds = 0;
  const said: string[] = [];
  const noise = await resolveNoise(
    {
      model: pair,
      seeds: Array.from({ length: 40 }, (_, i) => testcaseOf([i, 0, 0])) as unknown as NoiseOptions['seeds'],
      objectives: [{ tellsTies: true }],
      recorded: undefined,
      ...options,
    },
    {
      async measureNoise({ testcases }) {
        seeds = testcases.length;
        return NOISE;
      },
    },
    { ...NO_NOTICES, info: (text) => said.push(text) },
  );
  return { noise, seeds, said };
}

describe('noise', () => {
  test('is measured on the first seeds of a new campaign, and said', async () => {
    const { noise, seeds, said } = await resolve({});
    expect([noise, seeds]).toEqual([NOISE, 16]);
    expect(said).toEqual([expect.stringContaining('beyond 9.5e-7 in the model and 0.25 in the second one')]);
  });

  test('is what a campaign that is resumed recorded; none where it began without', async () => {
    const other = { y: { reference: 1, copy: 1 } };
    expect(await resolve({ recorded: { noise: other } })).toMatchObject({ noise: other, seeds: 0 });
    expect(await resolve({ recorded: {} })).toMatchObject({ noise: undefined, seeds: 0 });
  });

  test('is not measured of one model, nor where no objective asks', async () => {
    expect(await resolve({ model: single as unknown as ModelInfo })).toMatchObject({
      noise: undefined,
      seeds: 0,
    });
    expect(await resolve({ objectives: [{ tellsTies: false }] })).toMatchObject({
      noise: undefined,
      seeds: 0,
    });
  });
});
