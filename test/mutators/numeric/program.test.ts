import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { BoundsTracker } from '../../../src/constraints/bounds.ts';
import { randomStream } from '../../../src/core/random.ts';
import type { MutationContext } from '../../../src/mutators/mutator.ts';
import { defaultMutators, makeMutator, resolveMutatorSpec } from '../../../src/mutators/registry.ts';
import { NoisePool } from '../../../src/mutators/simd/noise-pool.ts';
import { encodeNpy } from '../../../src/tensor/npy.ts';
import { testFolder } from '../../support/folder.ts';
import { pictureTraits, shapeOf, traitsOf } from '../../support/mutators.ts';

const folder = testFolder();
const plain = traitsOf({ size: 4 });
const noise = new NoisePool('program', [], 64);

let files = 0;
function writeProgram(values: readonly number[], shape: readonly number[] = [values.length]): string {
  const path = join(folder, `program-${files++}.npy`);
  writeFileSync(path, encodeNpy({ type: 'float32', shape: [...shape], data: Float32Array.from(values) }));
  return path;
}

async function mutate(
  spec: string,
  parent: readonly number[],
  given: { readonly key?: number; readonly mutantIndex?: number } = {},
  input = plain,
): Promise<number[]> {
  const [configured] = await resolveMutatorSpec(spec);
  const shape = input.picture === undefined ? [parent.length] : shapeOf(input);
  const context: MutationContext = {
    random: randomStream('program', given.key ?? 0),
    noise,
    arithmetic: noise.vectorMath,
    bounds: new BoundsTracker('float32', parent.length, input),
    shape,
    partner: Float32Array.from(parent),
    mutantIndex: given.mutantIndex ?? 0,
    mutantCount: 8,
  };
  const out = new Float32Array(parent.length + 2).fill(7);
  makeMutator(configured, input).mutate(out, 1, Float32Array.from(parent), context);
  expect([out[0], out[parent.length + 1]]).toEqual([7, 7]);
  return [...out.slice(1, -1)];
}

describe('a program as a mutator', () => {
  test('is added where no value is NaN, by its strength', async () => {
    const file = writeProgram([0.25, -0.25, 0, 0.5]);
    expect(await mutate(`program:file=${file}`, [0.5, 0.5, 0.5, 0.5])).toEqual([0.75, 0.25, 0.5, 1]);
    expect(await mutate(`program:file=${file},strength=0.5`, [0.5, 0.5, 0.5, 0.5])).toEqual([
      0.625, 0.375, 0.5, 0.75,
    ]);
  });

  test('is written in place of values, and NaN leaves them', async () => {
    const file = writeProgram([Number.NaN, 1, 0, Number.NaN]);
    expect(await mutate(`program:file=${file}`, [0.5, 0.5, 0.5, 0.25])).toEqual([0.5, 1, 0, 0.25]);
    expect(await mutate(`program:file=${file},strength=0.5`, [0.5, 0.5, 0.5, 0.25])).toEqual([
      0.5, 0.75, 0.25, 0.25,
    ]);
  });

  test('of later mutants of a row is a drawn part', async () => {
    const file = writeProgram([0.5, 0.5, 0.5, 0.5]);
    const drawn = [1, 2, 3].map((key) =>
      mutate(`program:file=${file}`, [0, 0, 0, 0], { key, mutantIndex: key }),
    );
    for (const [first, second] of await Promise.all(drawn)) {
      expect(first).toBe(second);
      expect(first).toBeGreaterThan(0);
      expect(first).toBeLessThan(0.5);
    }
  });

  test.each([false, true])(
    'that is smaller than a picture is placed anywhere in it, channels first: %j',
    async (channelsFirst) => {
      const input = pictureTraits(4, 5, { channels: 3, channelsFirst });
      const sides = [2, 2];
      const values = Array.from({ length: 12 }, (_, i) => (i + 1) / 16);
      const file = writeProgram(values, channelsFirst ? [3, ...sides] : [...sides, 3]);
      const places = new Set<number>();
      for (let key = 0; key < 60; key++) {
        const out = await mutate(`program:file=${file}`, new Array(60).fill(0), { key }, input);
        expect(out.filter((value) => value !== 0)).toEqual(values);
        places.add(out.findIndex((value) => value !== 0));
      }
      expect(places.size).toBeGreaterThan(8);
    },
  );

  test('is in no default mix and no group, since it needs a file', async () => {
    expect(defaultMutators(plain).map(({ kind }) => kind.name)).not.toContain('program');
    const [bare] = await resolveMutatorSpec('program');
    expect(() => makeMutator(bare, plain)).toThrow(/program needs a program: program:file=program.npy/);
  });

  test.each([
    [[0, 1], [2], /is 2, and input x has 4 values/],
    [[Number.NaN, Number.NaN, Number.NaN, Number.NaN], [4], /changes nothing: all of it is NaN/],
  ])('of %j is refused', async (values, shape, message) => {
    await expect(mutate(`program:file=${writeProgram(values, shape)}`, [0, 0, 0, 0])).rejects.toThrow(
      message,
    );
  });

  test('that is not there is refused', async () => {
    await expect(mutate(`program:file=${join(folder, 'none.npy')}`, [0, 0, 0, 0])).rejects.toThrow(
      /read the program/,
    );
  });
});
