import { expect, test } from '@jest/globals';
import { inputBoxes } from '../../../../src/campaign/resolve/bounds/input-boxes.ts';
import type { ResolvedInputs } from '../../../../src/campaign/resolve/inputs.ts';
import type { InputDescriptor } from '../../../../src/inputs/input-descriptor.ts';
import type { InputSpec } from '../../../../src/model/model.ts';
import { traitsOf } from '../../../support/mutators.ts';
import { testcaseOf } from '../../../support/tasks.ts';

const MODEL = { inputs: [{ name: 'x', type: 'float32', shape: [null, 2] } satisfies InputSpec] };

function boxesOf(
  descriptor: Partial<InputDescriptor>,
  fields: Partial<Omit<ResolvedInputs, 'descriptors'>> = {},
  changesSizes = false,
) {
  const inputs = {
    seeds: [testcaseOf([0.25, 0.5]), testcaseOf([0.75, 0.5])],
    reference: undefined,
    areDrawn: false,
    labels: undefined,
    mutators: [['gaussian']],
    limits: {},
    lengthChanges: undefined,
    textOf: () => undefined,
    imageFormats: [undefined],
    ...fields,
    descriptors: [traitsOf({ size: 2, ...descriptor })],
  };
  const { boxes, seedBoxes } = inputBoxes(MODEL, inputs, changesSizes);
  const ends = (list: typeof boxes): number[][][] =>
    list.map((box) => [...box.values()].flatMap(({ low, high }) => [[...low], [...high]]));
  return { boxes: ends(boxes), seedBoxes: ends(seedBoxes), shapes: boxes.map((box) => box.get('x')) };
}

test('without limits the box is the range, with a row for the batch, and no seed has one of its own', () => {
  const { boxes, seedBoxes, shapes } = boxesOf({});
  expect(boxes).toEqual([
    [
      [0, 0],
      [1, 1],
    ],
  ]);
  expect(seedBoxes).toEqual([]);
  expect(shapes[0]).toMatchObject({ shape: [1, 2], isBatched: true });
});

test.each([
  { linf: 0.125 },
  // No value differs by more than all of them together.
  { l2: 0.125 },
  { linf: 0.125, l2: 3 },
])('limits of the distance cut it around the seeds: %j', (limits) => {
  const { boxes, seedBoxes } = boxesOf({}, { limits });
  [0.125, 0.375, 0.875, 0.625].forEach((end, i) => {
    expect(boxes[0].flat()[i]).toBeCloseTo(end, 6);
  });
  expect(seedBoxes).toHaveLength(2);
  expect(seedBoxes[0][0][0]).toBeCloseTo(0.125, 6);
  expect(seedBoxes[0][1][0]).toBeCloseTo(0.375, 6);
  expect(seedBoxes[1][0][0]).toBeCloseTo(0.625, 6);
});

test.each([0, 1])('a position where seed %d is not a number has no bounds', (index) => {
  const seeds = [testcaseOf([0.25, 0.5]), testcaseOf([0.75, 0.5])];
  seeds[index] = testcaseOf([Number.NaN, 0.5]);
  expect(boxesOf({}, { seeds, mutators: [[]] }).boxes).toEqual([
    [
      [Number.NaN, 0.5],
      [Number.NaN, 0.5],
    ],
  ]);
});

test('positions that stay, inputs that are not mutated and seeds outside the range are as in the seeds', () => {
  expect(boxesOf({ fixed: Uint8Array.of(1, 0) }).boxes).toEqual([
    [
      [0.25, 0],
      [0.75, 1],
    ],
  ]);
  const still = boxesOf({}, { mutators: [[]] });
  expect(still.boxes).toEqual([
    [
      [0.25, 0.5],
      [0.75, 0.5],
    ],
  ]);
  expect(still.seedBoxes).toEqual([
    [
      [0.25, 0.5],
      [0.25, 0.5],
    ],
    [
      [0.75, 0.5],
      [0.75, 0.5],
    ],
  ]);
  const beyond = boxesOf({}, { seeds: [testcaseOf([-3, 0.5])], limits: { linf: 0.125 } });
  expect(beyond.boxes[0][0][0]).toBe(-3);
});

test('there is none where testcases have other sizes than the seeds, or limits do not hold for an input', () => {
  expect(boxesOf({}, {}, true).boxes).toEqual([]);
  expect(boxesOf({ strings: { width: 2, words: [], alphabet: [97], areTexts: false } }).boxes).toEqual([[]]);
  const tokens = { special: [], length: [2, 2] as const, vocabulary: undefined, dictionary: [] };
  expect(boxesOf({ tokens }, { limits: { linf: 0.125 } }).boxes).toEqual([
    [
      [0, 0],
      [1, 1],
    ],
  ]);
});
