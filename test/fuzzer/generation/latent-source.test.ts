import { expect, test } from '@jest/globals';
import { LatentSource, type LatentSpace, stepOf } from '../../../src/fuzzer/generation/latent-source.ts';
import { wholeTask } from '../../../src/fuzzer/generation/mutant-generator.ts';
import { makeArms } from '../../../src/fuzzer/scheduling/mutator-arms.ts';
import type { CorpusEntryData, Task } from '../../../src/fuzzer/scheduling/task.ts';
import { traitsOf } from '../../support/mutators.ts';
import { entryOf, taskOf, testcaseOf } from '../../support/tasks.ts';

/** The latent vector is the testcase halved, and decoding doubles it again; both are counted. */
function spaceOf() {
  const counts = { encoded: 0, runs: [] as number[] };
  const space: LatentSpace = {
    input: 0,
    deviations: [1, 1],
    codec: {
      roles: { size: 2, decodedSize: 2, decoder: { latent: 0, output: 'y' } },
      encode: async (_type, values) => {
        counts.encoded++;
        return Float32Array.from(values as Float32Array, (value) => value / 2);
      },
      decode: async (latents, _labels, maxRows) => {
        counts.runs.push(Math.min(latents.length / 2, maxRows ?? 0));
        return latents.map((value) => 2 * value);
      },
    },
  };
  return { space, counts };
}

const viewOf = (entries: readonly CorpusEntryData[]) => ({ entryData: (entry: number) => entries[entry] });

async function sourceOf(space: LatentSpace, mutators: readonly string[]): Promise<LatentSource> {
  const arms = await makeArms([mutators], [traitsOf({ size: 2, isEncoded: true })]);
  return new LatentSource({ space, arms, masterSeed: 'test', batch: 64 });
}

const seeds = [entryOf(0, testcaseOf([2, 4])), entryOf(1, testcaseOf([6, 8]))];

async function movesOf(space: LatentSpace, mutators: readonly string[], task: Task, entries = seeds) {
  const source = await sourceOf(space, mutators);
  return source.movesFor(task, wholeTask(task), viewOf(entries), () => 0);
}

test('moves of a pick begin at the entry, and its change is what the lineage records', async () => {
  const { space, counts } = spaceOf();
  const moves = await movesOf(space, ['latent:most=0.5'], taskOf([0, 1]));
  expect(counts.encoded).toBe(2);
  for (let mutant = 0; mutant < 8; mutant++) {
    const move = moves?.decodedMove(1, mutant, 0);
    expect([...Array.from(move?.before ?? [])]).toEqual([6, 8]);
    const change = moves?.changeOf(1, mutant);
    expect(change?.z).toEqual([3, 4]);
    expect(change?.step).toBeCloseTo(0.3);
    change?.delta.forEach((delta, i) => {
      expect(Math.abs(delta)).toBeLessThanOrEqual(0.5);
      expect(Number(move?.after[i])).toBeCloseTo(2 * ((change?.z[i] ?? 0) + delta), 5);
    });
  }
});

test('the same task gives the same moves, whatever was encoded before', async () => {
  const task = taskOf([0, 1]);
  const first = await movesOf(spaceOf().space, ['latent'], task);
  const { space } = spaceOf();
  const source = await sourceOf(space, ['latent']);
  await source.movesFor(taskOf([1], { number: 7 }), wholeTask(taskOf([1])), viewOf(seeds), () => 0);
  const second = await source.movesFor(task, wholeTask(task), viewOf(seeds), () => 0);
  for (let mutant = 0; mutant < 8; mutant++)
    expect(second?.changeOf(1, mutant)).toEqual(first?.changeOf(1, mutant));
});

test('each entry is encoded once, and one that was decoded has its vector', async () => {
  const { space, counts } = spaceOf();
  const decoded = {
    ...entryOf(2, testcaseOf([9, 9]), 0),
    latent: { vector: Float32Array.of(1.5, 2.25), step: 0.2 },
  };
  const moves = await movesOf(space, ['latent'], taskOf([2, 2, 0]), [...seeds, decoded]);
  expect(counts.encoded).toBe(1);
  expect(moves?.changeOf(0, 0)?.z).toEqual([1.5, 2.25]);
  expect(moves?.changeOf(0, 0)?.step).toBeCloseTo(0.22);
});

test('stacked mutators move on from one another', async () => {
  const { space } = spaceOf();
  const task = taskOf([0], { stacks: [0, 1, 0, -1], partners: [1] });
  const moves = await movesOf(space, ['latent', 'latent-interpolate'], task);
  const [first, second, third] = [0, 1, 2].map((move) => moves?.decodedMove(0, 3, move));
  expect(second?.before).toEqual(first?.after);
  expect(third?.before).toEqual(second?.after);
  const change = moves?.changeOf(0, 3);
  expect(Number(third?.after[0])).toBeCloseTo(2 * ((change?.z[0] ?? 0) + (change?.delta[0] ?? 0)), 5);
});

test('a task without such mutators, or of another size, decodes nothing', async () => {
  const { space, counts } = spaceOf();
  expect(await movesOf(space, ['gaussian', 'latent'], taskOf([0]))).toBeUndefined();
  const sizeChange = { places: [], size: 3 } as unknown as NonNullable<Task['sizeChange']>;
  expect(await movesOf(space, ['latent'], taskOf([0], { sizeChange }))).toBeUndefined();
  expect(counts).toEqual({ encoded: 0, runs: [] });
  expect((await sourceOf(space, ['gaussian'])).isNeeded).toBe(false);
});

test('steps become longer after progress, shorter without, within bounds', () => {
  expect(stepOf(undefined, 0)).toBeCloseTo(0.3);
  expect(stepOf(undefined, 2)).toBeCloseTo(0.3 * 0.97 ** 2);
  expect(stepOf(0.5, 0)).toBeCloseTo(0.55);
  expect(stepOf(10, 0)).toBe(3);
  expect(stepOf(undefined, 1000)).toBe(0.01);
});
