import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { resolveInputs } from '../../../src/campaign/resolve/inputs.ts';
import type { CampaignConfig } from '../../../src/config/schema.ts';
import type { ModelInfo } from '../../../src/model/model.ts';
import { encodeNpy } from '../../../src/tensor/npy.ts';
import { testFolder } from '../../support/folder.ts';

const MODEL = {
  path: 'model.onnx',
  inputs: [
    { name: 'a', type: 'float32', shape: [null, 3] },
    { name: 'b', type: 'float32', shape: [null, 3] },
  ],
  graph: { nodes: [], constants: new Map() },
  runtime: { kind: 'onnx' },
} as unknown as ModelInfo;

/** Resolves the inputs of the model; returns them with the messages for the user. */
async function resolve(config: Partial<CampaignConfig>) {
  const messages: string[] = [];
  const notices = {
    info: (text: string) => messages.push(text),
    warn: (text: string) => messages.push(text),
  };
  return { ...(await resolveInputs(MODEL, config as CampaignConfig, 'seed', notices)), messages };
}

describe('without seeds', () => {
  test('32 are drawn within the ranges, with a warning, the same for the same master seed', async () => {
    const { seeds, descriptors, messages } = await resolve({ range: { a: [2, 3] } });
    expect(seeds.length).toBe(32);
    for (const { inputs } of seeds) {
      for (const value of inputs[0]) expect(Number(value) >= 2 && Number(value) <= 3).toBe(true);
      for (const value of inputs[1]) expect(Number(value) >= 0 && Number(value) <= 1).toBe(true);
    }
    expect(descriptors.map(({ range }) => range)).toEqual([
      { low: 2, high: 3 },
      { low: 0, high: 1 },
    ]);
    expect(messages).toEqual([expect.stringContaining('drew 32 at random, a in [2, 3], b in [0, 1]')]);
    expect((await resolve({ range: { a: [2, 3] } })).seeds).toEqual(seeds);
  });

  test('labels are refused', async () => {
    await expect(resolve({ labels: 'folders' })).rejects.toThrow('--labels belong to seeds');
  });
});

describe('with seeds', () => {
  const folder = testFolder();
  const file = (name: string, shape: number[], values: readonly number[]): string => {
    const path = join(folder, name);
    writeFileSync(path, encodeNpy({ type: 'float32', shape, data: Float32Array.from(values) }));
    return path;
  };
  const seeds = () => ({
    a: file('a.npy', [2, 3], [0, 4, 2, 1, 1, 8]),
    b: file('b.npy', [2, 3], [5, 5, 5, 5, 5, 5]),
  });

  test('ranges are those of the seeds, and an input that is the same in all of them is kept', async () => {
    const { descriptors, mutators, messages } = await resolve({ seeds: seeds() });
    expect(descriptors[0].range).toEqual({ low: 0, high: 8 });
    expect(mutators[0].length).toBeGreaterThan(3);
    expect(mutators[1]).toEqual([]);
    expect(messages).toEqual(['input b is the same in all seeds and stays unchanged; --range mutates it']);
  });

  test('an input that is the same in all seeds is kept also where mutators are given for another one', async () => {
    const { mutators } = await resolve({ seeds: seeds(), mutator: { a: 'gaussian' } });
    expect(mutators).toEqual([['gaussian'], []]);
    await expect(resolve({ seeds: seeds(), mutator: { b: 'gaussian' } })).rejects.toThrow(
      /has the value 5 throughout input b, so its range is unknown: give it with --range b=lo,hi/,
    );
  });

  test('labels go with their seeds, also after an illegal seed was dropped', async () => {
    const labels = file('labels.npy', [2], [3, 7]);
    const resolved = await resolve({
      seeds: seeds(),
      labels,
      range: { a: [0, 5] },
      mutator: ['a=gaussian', 'b=none'],
    });
    expect(resolved.seeds.length).toBe(1);
    expect(resolved.seeds.map((seed) => resolved.labels?.get(seed))).toEqual([3]);
    expect(resolved.mutators).toEqual([['gaussian'], []]);
  });

  test('a limit on edits needs an input of tokens', async () => {
    await expect(resolve({ seeds: seeds(), edits: 2 })).rejects.toThrow(
      'no input of tokens or strings is mutated',
    );
  });

  test('settings that name an input the model does not have are refused', async () => {
    for (const config of [
      { range: { c: [0, 1] } },
      { fixed: { c: 'mask.npy' } },
      { mutator: { c: 'gaussian' } },
    ])
      await expect(resolve({ seeds: seeds(), ...config } as Partial<CampaignConfig>)).rejects.toThrow(
        'the model has no input c',
      );
  });
});

describe('what the graph says of inputs with seeds', () => {
  const folder = testFolder();
  let files = 0;
  const INPUTS = [
    { name: 'x', type: 'float32', shape: [null, 2] },
    { name: 'region', type: 'int64', shape: [null, 3] },
    { name: 'mask', type: 'int64', shape: [null, 3] },
  ] as const;
  const EVIDENCE = [{}, { lookupRows: 300, isEmbedding: false }, { maskedSites: ['Softmax_9'] }];

  /** Resolves the inputs with these rows of ids and masks, and as many of x. */
  async function resolveWith(
    ids: readonly (readonly number[])[],
    masks: readonly (readonly number[])[],
    config: Partial<CampaignConfig> = {},
  ) {
    const write = (type: 'float32' | 'int64', rows: readonly (readonly number[])[]): string => {
      const path = join(folder, `seeds-${files++}.npy`);
      const shape = [rows.length, rows[0].length];
      const data =
        type === 'int64' ? BigInt64Array.from(rows.flat().map(BigInt)) : Float32Array.from(rows.flat());
      writeFileSync(path, encodeNpy({ type, shape, data }));
      return path;
    };
    const model = { ...MODEL, inputs: INPUTS, evidence: EVIDENCE } as unknown as ModelInfo;
    const seeds = {
      x: write(
        'float32',
        ids.map((_, i) => [i, i / 2]),
      ),
      region: write('int64', ids),
      mask: write('int64', masks),
    };
    const notices = { info() {}, warn() {} };
    return resolveInputs(model, { ...config, seeds } as CampaignConfig, 'seed', notices);
  }

  const FEW = [
    [7, 8, 9],
    [7, 20, 30],
  ];
  const ONES = [
    [1, 1, 1],
    [1, 1, 1],
  ];

  test('ids go up to the rows of the table that they look up, not to those of the seeds', async () => {
    const { descriptors, mutators } = await resolveWith(FEW, ONES);
    expect(descriptors[1].range).toEqual({ low: 0, high: 299 });
    expect(mutators[1].length).toBeGreaterThan(0);
    const sevens = FEW.map((row) => row.map(() => 7));
    const constant = await resolveWith(sevens, ONES);
    expect(constant.mutators[1]).toEqual([]);
  });

  test('columns of ids that are the same in all seeds stay, and the others go up to the rows', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => [5, i % 2, i]);
    const { descriptors } = await resolveWith(
      rows,
      rows.map(() => [1, 1, 1]),
    );
    const { columns, range } = descriptors[1];
    expect(columns?.map(({ kind }) => kind)).toEqual(['fixed', 'integer', 'integer']);
    expect(range.channels?.slice(1)).toEqual([
      { low: 0, high: 299 },
      { low: 0, high: 299 },
    ]);
  });

  test('a mask that a site hangs on is mutated now and then, also where it is the same in all seeds', async () => {
    const { descriptors, mutators } = await resolveWith(FEW, ONES);
    expect(mutators[2]).toEqual(['flip', 'padding', 'causal', 'splice']);
    expect(descriptors[2]).toMatchObject({ range: { low: 0, high: 1 }, pickShare: 1 / 8 });
  });

  test('the mutators that a campaign records mean the same when it is resumed', async () => {
    const first = await resolveWith(FEW, ONES);
    const mutator = Object.fromEntries(
      INPUTS.map(({ name }, i) => [name, first.mutators[i].length === 0 ? 'none' : [...first.mutators[i]]]),
    );
    const again = await resolveWith(FEW, ONES, { mutator });
    expect([again.mutators, again.descriptors]).toEqual([first.mutators, first.descriptors]);
  });

  test('a mask with other values than 0 and 1 stays', async () => {
    const { mutators } = await resolveWith(FEW, [
      [0, 1, 2],
      [1, 1, 1],
    ]);
    expect(mutators[2]).toEqual([]);
  });
});
