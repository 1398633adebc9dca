import { describe, expect, test } from '@jest/globals';
import { drawNormal, randomStream } from '../../../src/core/random.ts';
import type { InputDescriptor } from '../../../src/inputs/input-descriptor.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { geometryOf } from '../../../src/saliency/map.ts';
import type {
  ExplainedInput,
  Explanation,
  MethodContext,
  Point,
  ScoreOracle,
} from '../../../src/saliency/method.ts';
import { windowsOf } from '../../../src/saliency/methods/occlusion.ts';
import { SALIENCY_METHODS, saliencyMethod } from '../../../src/saliency/methods/registry.ts';
import { pictureTraits, shapeOf, traitsOf } from '../../support/mutators.ts';

/** A score and its gradient as plain functions. */
interface Score {
  readonly score: (values: readonly number[]) => number;
  readonly gradient: (values: readonly number[]) => readonly number[];
}

function oracleOf({ score, gradient }: Score, input: ExplainedInput): ScoreOracle & { asked: number } {
  const valuesOf = ({ values }: Point): number[] => Array.from(values ?? input.data.inputs[0], Number);
  const oracle = {
    asked: 0,
    async scores(points: readonly Point[]) {
      oracle.asked += points.length;
      return Float64Array.from(points, (point) => score(valuesOf(point)));
    },
    async gradients(points: readonly Point[]) {
      oracle.asked += points.length;
      return points.map((point) => Float32Array.from(gradient(valuesOf(point))));
    },
    async lookups() {
      throw new Error('no tokens');
    },
    async featureMaps() {
      throw new Error('no convolution');
    },
    async attention() {
      return { values: Float64Array.of(0.5, 0.3, 0.2), block: 'softmax' };
    },
  };
  return oracle;
}

async function explain(
  name: string,
  score: Score,
  values: readonly number[],
  descriptor: InputDescriptor,
  further: Partial<MethodContext> = {},
): Promise<Explanation & { asked: number }> {
  const shape = descriptor.picture === undefined ? [values.length] : shapeOf(descriptor);
  const form = shapeSignatureOf([
    makeTestcaseInput({ name: 'x', type: 'float32', shape: [null, ...shape] }, shape),
  ]);
  const input = { index: 0, classIndex: 0, data: { form, inputs: [Float32Array.from(values)] } };
  const oracle = oracleOf(score, input);
  const context: MethodContext = {
    geometry: geometryOf(descriptor, shape, values.length),
    values: Float64Array.from(values),
    baseline: new Float64Array(values.length),
    span: 1,
    areTokens: false,
    steps: undefined,
    random: randomStream('methods'),
    ...further,
  };
  return { ...(await saliencyMethod(name).explain(input, context, oracle)), asked: oracle.asked };
}

function mapOf(explanation: Explanation): number[] {
  if (!('map' in explanation)) throw new Error(explanation.refusal);
  return [...explanation.map.signed];
}

/** z = Σ xᵢ³. */
const cubes: Score = {
  score: (values) => values.reduce((sum, value) => sum + value ** 3, 0),
  gradient: (values) => values.map((value) => 3 * value * value),
};

const numbers = traitsOf({ size: 3 });

describe('of a score whose derivative is known', () => {
  test('gradient', async () => {
    expect(mapOf(await explain('gradient', cubes, [1, -2, 0], numbers))).toEqual([3, 12, 0]);
  });

  test('input-gradient: by the distance from the baseline', async () => {
    const baseline = Float64Array.of(0, -1, 0);
    const explanation = await explain('input-gradient', cubes, [1, -2, 0], numbers, { baseline });
    expect(mapOf(explanation)).toEqual([3, -12, 0]);
  });

  test('attention: what the last block looks at, refused where its keys are no places of the input', async () => {
    const found = mapOf(await explain('attention', cubes, [1, -2, 0], numbers));
    [0.5, 0.3, 0.2].forEach((value, i) => void expect(found[i]).toBeCloseTo(value, 6));
    expect(await explain('attention', cubes, [1, -2], traitsOf({ size: 2 }))).toMatchObject({
      refusal: 'softmax has 3 keys, and the input 2 places',
    });
  });

  test('integrated-gradients: each value has its own share, and the sum is complete', async () => {
    const explanation = await explain('integrated-gradients', cubes, [1, -2, 0], numbers);
    const [first, second, third] = mapOf(explanation);
    expect(first).toBeCloseTo(1, 3);
    expect(second).toBeCloseTo(-8, 2);
    expect(third).toBe(0);
    expect(explanation).toMatchObject({ steps: 50 });
    expect('gap' in explanation && explanation.gap).toBeLessThan(1e-3);
  });

  test('integrated-gradients doubles its steps, and refuses what stays incomplete', async () => {
    // A jump of 1 that no gradient shows, beside a slope of 5: a share of 1/6 is missing.
    const jump: Score = {
      score: ([x]) => 5 * x + (x > 0.5 ? 1 : 0),
      gradient: () => [5, 0, 0],
    };
    const refused = await explain('integrated-gradients', jump, [1, 0, 0], numbers);
    expect(refused).toEqual({
      refusal: 'the completeness gap is 16.7 % after 400 steps, above 5 %',
      asked: 2 + 50 + 100 + 200 + 400,
    });
    // A slope near the end of the way, which fewer than 400 midpoints miss by more than 5 %.
    const steep: Score = {
      score: ([x]) => Math.max(0, x - 0.967),
      gradient: ([x]) => [x > 0.967 ? 1 : 0, 0, 0],
    };
    const doubled = await explain('integrated-gradients', steep, [1, 0, 0], numbers);
    expect(doubled).toMatchObject({ steps: 400 });
    const known = await explain('integrated-gradients', jump, [1, 0, 0], numbers, { steps: 10 });
    expect(mapOf(known)).toEqual([5, 0, 0]);
    expect(known.asked).toBe(10);
  });

  test('smoothgrad: the mean gradient under noise of 0.15 of the span', async () => {
    const explanation = await explain('smoothgrad', cubes, [1, 0, 0], numbers, { span: 2 });
    const random = randomStream('methods');
    const expected = new Float64Array(3);
    for (let sample = 0; sample < 50; sample++)
      for (let i = 0; i < 3; i++) {
        const value = Math.fround((i === 0 ? 1 : 0) + 0.3 * drawNormal(random));
        expected[i] += (3 * value * value) / 50;
      }
    mapOf(explanation).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 4));
    expect(explanation.asked).toBe(50);
  });

  test('occlusion: how far the score falls without a column', async () => {
    const explanation = await explain('occlusion', cubes, [1, -2, 0], numbers);
    expect(mapOf(explanation)).toEqual([1, -8, 0]);
    expect(explanation.asked).toBe(4);
  });
});

describe('pictures', () => {
  const picture = pictureTraits(28, 28);

  test('windows of occlusion are a seventh of the side, half of one apart, and cover every pixel', () => {
    const windows = windowsOf({ places: 784, picture: { height: 28, width: 28 } });
    expect(windows).toHaveLength(13 * 13);
    expect(new Set(windows.map(({ length }) => length))).toEqual(new Set([16]));
    expect(new Set(windows.flat()).size).toBe(784);
    const uneven = windowsOf({ places: 15 * 10, picture: { height: 15, width: 10 } });
    expect(new Set(uneven.flat()).size).toBe(150);
  });

  test('occlusion of a picture: an additive score falls by what a window holds, averaged', async () => {
    const values = new Array(784).fill(0);
    values[14 * 28 + 14] = 2;
    const sum: Score = {
      score: (at) => at.reduce((total, value) => total + value, 0),
      gradient: (at) => at.map(() => 1),
    };
    const map = mapOf(await explain('occlusion', sum, values, picture));
    // Every window that covers the bright pixel loses 2.
    expect(map[14 * 28 + 14]).toBe(2);
    expect(map[0]).toBe(0);
    // Of its neighbours two pixels away some windows cover the bright one, and some do not.
    expect(map[14 * 28 + 12]).toBeCloseTo(1, 6);
  });

  test('edges: Sobel magnitude, which asks no model', async () => {
    const values = Array.from({ length: 784 }, (_, i) => (i % 28 < 14 ? 0 : 1));
    const explanation = await explain('edges', cubes, values, picture);
    const map = mapOf(explanation);
    expect(explanation.asked).toBe(0);
    expect(map.slice(28, 56)).toEqual(Array.from({ length: 28 }, (_, x) => (x === 13 || x === 14 ? 4 : 0)));
  });
});

test('names are distinct; an unknown one is refused with a suggestion', () => {
  const names = SALIENCY_METHODS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(() => saliencyMethod('gradent')).toThrow(
    '--method: there is no method gradent: did you mean gradient?',
  );
});
