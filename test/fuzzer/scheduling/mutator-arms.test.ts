import { expect, test } from '@jest/globals';
import { describeArms, makeArms } from '../../../src/fuzzer/scheduling/mutator-arms.ts';
import { pictureTraits, traitsOf } from '../../support/mutators.ts';

const SPECS = [['gaussian', 'translate', 'splice'], [], ['crossover']];

test('arms are described in the order of their specs, and an input without mutators has none', async () => {
  const [image, none, tokens] = await describeArms(SPECS);
  expect(image.map(({ name, geometric, partner }) => [name, geometric, partner])).toEqual([
    ['gaussian', false, undefined],
    ['translate', true, undefined],
    ['splice', false, 'other'],
  ]);
  expect(none).toEqual([]);
  expect(tokens.map(({ name, acceptsAnyShape }) => [name, acceptsAnyShape])).toEqual([['crossover', true]]);
  for (const { cost } of image) expect(cost).toBeGreaterThan(0);
});

test('the arms that are made have the order of those that are described', async () => {
  const tokens = { special: [], length: [1, 8], vocabulary: undefined, dictionary: [] } as const;
  const inputs = [
    pictureTraits(8, 8),
    traitsOf(),
    traitsOf({ type: 'int64', domains: ['numbers', 'tokens'], range: { low: 0, high: 9 }, size: 8, tokens }),
  ];
  const [described, made] = [await describeArms(SPECS), await makeArms(SPECS, inputs)];
  expect(made.map((arms) => arms.map(({ geometric }) => geometric))).toEqual(
    described.map((arms) => arms.map(({ geometric }) => geometric)),
  );
  expect(made.flat().every((arm) => !('plugin' in arm))).toBe(true);
});

test('a group stands for all its mutators', async () => {
  const [arms] = await describeArms([['flags']]);
  expect(arms.map(({ name }) => name)).toEqual(['flip', 'values', 'splice']);
});
