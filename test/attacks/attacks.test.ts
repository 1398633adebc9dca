import { describe, expect, test } from '@jest/globals';
import type { AttackContext, AttackedInput, AttackOracle, Candidate } from '../../src/attacks/attack.ts';
import { ATTACKS, defaultAttacks, makeAttack } from '../../src/attacks/registry.ts';
import { randomStream } from '../../src/core/random.ts';
import type { TestcaseData } from '../../src/inputs/testcase.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { answerOf } from '../../src/objectives/class-answer.ts';
import { pictureTraits, traitsOf } from '../support/mutators.ts';

const SIDE = 28;
const descriptor = pictureTraits(SIDE, SIDE);
const form = shapeSignatureOf([
  makeTestcaseInput({ name: 'x', type: 'float32', shape: [null, SIDE, SIDE, 1] }, [SIDE, SIDE, 1]),
]);

/** A picture with a bright block, drawn by its number. */
function pictureOf(index: number): AttackedInput {
  const random = randomStream('picture', index);
  const data = new Float32Array(SIDE * SIDE);
  for (let y = 9; y < 19; y++) for (let x = 9; x < 19; x++) data[y * SIDE + x] = random.uniform();
  return { index, label: 0, data: { form, inputs: [data] } };
}

const inputs = [0, 1, 2].map(pictureOf);
const context: AttackContext = {
  seed: 'attacks',
  descriptor,
  position: 0,
  threshold: 0,
  queries: 60,
  linf: undefined,
};

const valuesOf = ({ inputs: [values] }: TestcaseData): number[] => Array.from(values, Number);

/** A model whose class 1 has the score of a picture; it is never wrong while that is below 1. */
function oracle(score: (values: readonly number[]) => number) {
  const asked: TestcaseData[] = [];
  const answer = ({ data, label }: Candidate) => {
    asked.push(data);
    return answerOf(Float64Array.of(1, score(valuesOf(data))), label, 'max-logit', false);
  };
  const oracle: AttackOracle = {
    ask: async (candidates) => candidates.map(answer),
    // Every score of these tests grows with each value.
    differentiate: async (candidates) =>
      candidates.map((candidate) => ({
        answer: answer(candidate),
        gradient: new Float32Array(valuesOf(candidate.data).length).fill(0.1),
      })),
    onShare: () => {},
  };
  return { asked, oracle };
}

const never = () => oracle((values) => values.reduce((sum, value) => sum + value, 0) / 1e6);

describe('square', () => {
  test('stays within the L∞ ball and the range, and puts what it changes at an end', async () => {
    const { asked, oracle: model } = never();
    await makeAttack('square:linf=0.3', context).run(inputs.slice(0, 1), model);
    expect(asked).toHaveLength(60);
    const clean = valuesOf(inputs[0].data);
    for (const candidate of asked) {
      const values = valuesOf(candidate);
      expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(values.every((value, i) => Math.abs(value - clean[i]) <= 0.3)).toBe(true);
    }
    // The first one is stripes: every column has one sign.
    const [first] = asked.map(valuesOf);
    const isRaised = (x: number, y: number) => first[y * SIDE + x] > clean[y * SIDE + x];
    for (let x = 9; x < 19; x++) expect(new Set([9, 12, 15, 18].map((y) => isRaised(x, y))).size).toBe(1);
  });

  test('keeps what makes the answer worse, and stops at a confident mistake', async () => {
    const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
    const clean = sumOf(valuesOf(inputs[0].data));
    const model = oracle((values) => sumOf(values) / (3.5 * clean));
    const [outcome] = await makeAttack('square:queries=500', context).run(inputs.slice(0, 1), model.oracle);
    expect(outcome.answer.isWrong).toBe(true);
    expect(outcome.queries).toBe(model.asked.length);
    expect(outcome.queries).toBeGreaterThan(1);
    expect(outcome.queries).toBeLessThan(500);
    const stubborn = never();
    const [other] = await makeAttack('square', context).run(inputs.slice(0, 1), stubborn.oracle);
    const gaps = stubborn.asked.map((data) => valuesOf(data).reduce((sum, value) => sum + value, 0));
    expect(valuesOf(other.data).reduce((sum, value) => sum + value, 0)).toBeCloseTo(Math.max(...gaps), 6);
    expect(other.queries).toBe(60);
  });

  test('has the limit of the settings, of its spec, or 0.3 of the span of a small picture', async () => {
    const largest = async (spec: string, linf?: number) => {
      const { asked, oracle: model } = never();
      await makeAttack(spec, { ...context, linf }).run(inputs.slice(0, 1), model);
      const clean = valuesOf(inputs[0].data);
      return Math.max(
        ...asked.flatMap((data) => valuesOf(data).map((value, i) => Math.abs(value - clean[i]))),
      );
    };
    expect(await largest('square')).toBeCloseTo(0.3, 5);
    expect(await largest('square', 0.1)).toBeCloseTo(0.1, 5);
    expect(await largest('square:linf=0.2', 0.1)).toBeCloseTo(0.2, 5);
  });
});

describe('spatial', () => {
  test('tries the rotations and shifts that leave nothing outside the frame, the middle one among them', async () => {
    const { asked, oracle: model } = never();
    await makeAttack('spatial', context).run(inputs.slice(0, 1), model);
    expect(asked.length).toBeGreaterThan(11);
    expect(asked.length).toBeLessThan(275);
    // The sums of the pictures differ from that of the shrunk one by less than a tenth each: by less than 0.9 : 1.1 from each other.
    const sums = asked.map((data) => valuesOf(data).reduce((sum, value) => sum + Math.abs(value), 0));
    expect(Math.min(...sums) / Math.max(...sums)).toBeGreaterThan(0.9 / 1.1);
    expect(new Set(asked.map((data) => valuesOf(data).join())).size).toBe(asked.length);
  });

  test('tries all 275 where no picture can leave its frame', async () => {
    const data = new Float32Array(SIDE * SIDE).fill(0);
    const { asked, oracle: model } = never();
    await makeAttack('spatial', context).run([{ index: 0, label: 0, data: { form, inputs: [data] } }], model);
    expect(asked).toHaveLength(275);
  });
});

describe('pgd', () => {
  const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const reached = (clean: readonly number[], linf: number) => clean.map((value) => Math.min(1, value + linf));

  test('begins at a random point of the ball, and ends at its corner up the slope', async () => {
    const clean = valuesOf(inputs[0].data);
    const { asked, oracle: model } = never();
    const [outcome] = await makeAttack('pgd:linf=0.1,steps=30', context).run(inputs.slice(0, 1), model);
    expect(asked).toHaveLength(31);
    expect(outcome.queries).toBe(31);
    const first = valuesOf(asked[0]).map((value, i) => value - clean[i]);
    expect(new Set(first).size).toBeGreaterThan(100);
    for (const data of asked)
      expect(
        valuesOf(data).every((value, i) => value >= 0 && value <= 1 && Math.abs(value - clean[i]) <= 0.1),
      ).toBe(true);
    const corner = reached(clean, 0.1);
    expect(valuesOf(outcome.data).every((value, i) => Math.abs(value - corner[i]) < 1e-6)).toBe(true);
  });

  test('one step of the limit from the input itself is the fast gradient sign method', async () => {
    const { asked, oracle: model } = never();
    const spec = 'pgd:linf=0.1,steps=1,step=1,start=given';
    await makeAttack(spec, context).run(inputs.slice(0, 1), model);
    const clean = valuesOf(inputs[0].data);
    expect(asked.map(valuesOf)[0]).toEqual(clean);
    const corner = reached(clean, 0.1);
    expect(valuesOf(asked[1]).every((value, i) => Math.abs(value - corner[i]) < 1e-6)).toBe(true);
  });

  test('stays at its start where the gradient is 0 or NaN, and begins anew as often as asked', async () => {
    const { asked, oracle: model } = never();
    const [one] = inputs;
    const flat: AttackOracle = {
      ...model,
      differentiate: async (candidates, request) =>
        (await model.differentiate(candidates, request)).map(({ answer, gradient }) => ({
          answer,
          gradient: gradient.map((_, i) => (i % 2 === 0 ? 0 : Number.NaN)),
        })),
    };
    await makeAttack('pgd:linf=0.1,steps=3,restarts=2', context).run([one], flat);
    const texts = asked.map((data) => valuesOf(data).join());
    expect(texts).toHaveLength(8);
    expect(new Set(texts.slice(0, 4)).size).toBe(1);
    expect(new Set(texts).size).toBe(2);
  });

  test('stops at a confident mistake', async () => {
    const clean = sumOf(valuesOf(inputs[0].data));
    const model = oracle((values) => sumOf(values) / (1.5 * clean));
    const [outcome] = await makeAttack('pgd', context).run(inputs.slice(0, 1), model.oracle);
    expect(outcome.answer.isWrong).toBe(true);
    expect(outcome.queries).toBe(model.asked.length);
    expect(outcome.queries).toBeLessThan(101);
  });
});

describe('spsa', () => {
  const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

  test('climbs a slope that it knows from scores alone, within ball and range', async () => {
    const clean = valuesOf(inputs[0].data);
    const model = oracle((values) => sumOf(values) / 1e6);
    const [outcome] = await makeAttack('spsa:steps=20,linf=0.1', context).run(
      inputs.slice(0, 1),
      model.oracle,
    );
    expect(model.asked).toHaveLength(20 * 128);
    expect(outcome.queries).toBe(20 * 128);
    for (const data of model.asked.filter((_, i) => i % 100 === 0)) {
      const values = valuesOf(data);
      expect(values.every((value, i) => value >= 0 && value <= 1 && Math.abs(value - clean[i]) <= 0.1)).toBe(
        true,
      );
    }
    // Random signs alone raise 784 values by 0.005 at the mean, since those at 0 can't fall; the slope by up to 0.1.
    expect(sumOf(valuesOf(outcome.data)) - sumOf(clean)).toBeGreaterThan(0.02 * clean.length);
  });

  test('stops at a confident mistake', async () => {
    const clean = sumOf(valuesOf(inputs[0].data));
    const model = oracle((values) => sumOf(values) / (1.3 * clean));
    const [outcome] = await makeAttack('spsa:steps=50', context).run(inputs.slice(0, 1), model.oracle);
    expect(outcome.answer.isWrong).toBe(true);
    expect(outcome.queries).toBeGreaterThan(1);
    expect(outcome.queries).toBeLessThan(50 * 128);
  });
});

describe('corruptions', () => {
  test('tries each once, within black and white', async () => {
    const { asked, oracle: model } = never();
    await makeAttack('corruptions', context).run(inputs.slice(0, 1), model);
    expect(asked).toHaveLength(16);
    for (const data of asked) expect(valuesOf(data).every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

/** A picture with light in a corner at the left, and a model that gives it class 1. */
const rival: TestcaseData = {
  form,
  inputs: [
    Float32Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE < SIDE / 2 && i < 7 * SIDE ? 1 : 0)),
  ],
};
const leftOf = (values: readonly number[]) =>
  values.reduce((sum, value, i) => sum + (i % SIDE < SIDE / 2 ? value : -value), 0);
const MIN_LEFT = 30;
const leftIsWrong = () => oracle((values) => 1 + (leftOf(values) - MIN_LEFT) / 10);
const rivalled = inputs.map((input) => ({ ...input, rival }));

describe('boundary', () => {
  const distance = (a: readonly number[], b: readonly number[]) =>
    Math.hypot(...a.map((value, i) => value - b[i]));
  // No answer is sure, so that the walk goes on.
  const unsure = { ...context, threshold: 1e6, queries: 600 };

  test('keeps the worst point of the ball, and comes nearer to the input than the line to its rival does', async () => {
    const model = leftIsWrong();
    const grey = { form, inputs: [new Float32Array(SIDE * SIDE).fill(0.5)] };
    const [outcome] = await makeAttack('boundary:l2=4', unsure).run(
      [{ index: 0, label: 0, data: grey, rival }],
      model.oracle,
    );
    expect(outcome.queries).toBe(600);
    expect(model.asked).toHaveLength(600);
    const clean = valuesOf(grey);
    expect(distance(valuesOf(outcome.data), clean)).toBeLessThanOrEqual(4);
    expect(distance(valuesOf(outcome.data), clean)).toBeGreaterThan(3.5);
    for (const data of model.asked)
      expect(valuesOf(data).every((value) => value >= 0 && value <= 1)).toBe(true);
    // Wrong points by their distance, in the order of the walk.
    const wrong = model.asked.map(valuesOf).filter((values) => leftOf(values) > MIN_LEFT);
    const onLine = wrong.slice(0, 11).map((values) => distance(values, clean));
    const walked = wrong.slice(11).map((values) => distance(values, clean));
    expect(Math.min(...walked)).toBeLessThan(0.9 * Math.min(...onLine));
  });

  test('ends at a confident mistake within the ball', async () => {
    const model = leftIsWrong();
    const settings = { ...context, threshold: 1, queries: 600 };
    const [outcome] = await makeAttack('boundary:l2=12', settings).run(rivalled.slice(0, 1), model.oracle);
    expect(outcome.answer.isWrong).toBe(true);
    expect(outcome.queries).toBe(model.asked.length);
    expect(outcome.queries).toBeLessThan(600);
    expect(distance(valuesOf(outcome.data), valuesOf(inputs[0].data))).toBeLessThanOrEqual(12);
  });

  test('begins at noise where no input has another class', async () => {
    const model = oracle((values) => (Math.hypot(...values) > 12 ? 2 : 0));
    const [outcome] = await makeAttack('boundary:l2=30', { ...context, threshold: 1 }).run(
      inputs.slice(0, 1),
      model.oracle,
    );
    expect(outcome.answer).toMatchObject({ isWrong: true, predicted: 1 });
    expect(outcome.queries).toBe(2);
  });

  test('has the limit of its spec, of the settings, or 4 spans for 28 by 28 pixels and less for fewer', async () => {
    const farthest = async (spec: string, l2?: number) => {
      const [outcome] = await makeAttack(spec, { ...unsure, queries: 100, l2 }).run(
        rivalled.slice(0, 1),
        leftIsWrong().oracle,
      );
      return distance(valuesOf(outcome.data), valuesOf(inputs[0].data));
    };
    expect(await farthest('boundary')).toBeCloseTo(4, 1);
    expect(await farthest('boundary', 2)).toBeCloseTo(2, 1);
    expect(await farthest('boundary:l2=3', 2)).toBeCloseTo(3, 1);
  });
});

describe('combined with a random move', () => {
  test('square attacks the moved picture, and clean the picture itself', async () => {
    const combined = { ...context, combine: 'random-spatial' as const };
    const [clean] = await makeAttack('clean', combined).run(inputs, never().oracle);
    expect(valuesOf(clean.data)).toEqual(valuesOf(inputs[0].data));
    const { asked, oracle: model } = never();
    await makeAttack('square:linf=0', combined).run(inputs, model);
    const moved = asked.slice(0, 3).map(valuesOf);
    for (const [i, values] of moved.entries()) {
      const seed = valuesOf(inputs[i].data);
      expect(values).not.toEqual(seed);
      const [before, after] = [seed, values].map((all) => all.reduce((sum, value) => sum + value, 0));
      // 100 pixels of the block cover 51 once the picture is shrunk from 28 to 20, within a tenth.
      expect(after / before).toBeGreaterThan(0.4);
      expect(after / before).toBeLessThan(0.62);
    }
    const again = never();
    await makeAttack('square:linf=0', combined).run(inputs.slice(1, 2), again.oracle);
    expect(valuesOf(again.asked[0])).toEqual(moved[1]);
  });
});

test('pictures of spatial:valid are those for which the expression holds, whether or not they left the frame', async () => {
  const sumOf = (data: TestcaseData) => valuesOf(data).reduce((sum, value) => sum + value, 0);
  const all = never();
  await makeAttack('spatial:valid=sum(x) >= 0', context).run(inputs.slice(0, 1), all.oracle);
  expect(all.asked).toHaveLength(275);
  const sums = all.asked.map(sumOf).sort((a, b) => a - b);
  const { asked, oracle: model } = never();
  const spec = `spatial:valid=max(sum(x), 0) < ${(sums[99] + sums[100]) / 2}`;
  await makeAttack(spec, context).run(inputs.slice(0, 1), model);
  expect(asked.map(sumOf).sort((a, b) => a - b)).toEqual(sums.slice(0, 100));
  await expect(
    makeAttack('spatial:valid=sum(logits) < 20', context).run(inputs.slice(0, 1), model),
  ).rejects.toThrow('--attack: spatial:valid: logits is not an input');
  expect(() => makeAttack('spatial:valid=sum(x', context)).toThrow('--attack: spatial:valid');
});

/** The attacks, those with many queries with few. */
const SPECS = ATTACKS.list()
  .filter(({ isCampaign }) => isCampaign !== true)
  .map(({ name }) => (name === 'spsa' ? 'spsa:steps=2' : name));

test.each(SPECS)('%s finds for an input what it finds beside others', async (spec) => {
  const model = spec === 'boundary' ? leftIsWrong : never;
  const settings = spec === 'boundary' ? { ...context, threshold: 1e6 } : context;
  const together = await makeAttack(spec, settings).run(rivalled, model().oracle);
  for (const [i, input] of rivalled.entries()) {
    const [alone] = await makeAttack(spec, settings).run([input], model().oracle);
    expect(valuesOf(alone.data)).toEqual(valuesOf(together[i].data));
    expect(alone.answer).toEqual(together[i].answer);
  }
  const others = await makeAttack(spec, { ...settings, seed: 'other' }).run(rivalled, model().oracle);
  const isSame = others.every(({ data }, i) => valuesOf(data).join() === valuesOf(together[i].data).join());
  // Along a slope that is the same everywhere, pgd ends at one corner of the ball from any start.
  expect(isSame).toBe(['clean', 'spatial', 'pgd'].includes(spec));
});

test('inputs that are no pictures are attacked by what needs none', () => {
  expect(defaultAttacks(descriptor, false)).toEqual([
    'clean',
    'spatial',
    'corruptions',
    'square',
    'boundary',
  ]);
  expect(defaultAttacks(traitsOf(), false)).toEqual(['clean', 'square', 'boundary']);
  expect(defaultAttacks(traitsOf(), true)).toEqual(['clean', 'square', 'boundary', 'pgd']);
});
