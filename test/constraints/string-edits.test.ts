import { expect, test } from '@jest/globals';
import { ConstraintProjector } from '../../src/constraints/constraint-projector.ts';
import { measureDistance } from '../../src/constraints/distance.ts';
import { findBrokenConstraints } from '../../src/constraints/find-broken-constraints.ts';
import { shapeSignatureOf, type TestcaseBatch } from '../../src/model/testcase-batch.ts';
import { codePointsOf, encodeStrings, MAX_CODE_POINT } from '../../src/tensor/strings.ts';
import { traitsOf } from '../support/mutators.ts';

const WIDTH = 6;

function rowOf(strings: readonly string[], number: number): TestcaseBatch {
  const shape = [strings.length, WIDTH];
  return {
    form: shapeSignatureOf([
      { name: 's', type: 'uint32', shape, size: strings.length * WIDTH, isString: true },
      { name: 'x', type: 'float32', shape: [1], size: 1 },
    ]),
    inputs: [encodeStrings(strings, [strings.length], WIDTH).data, Float32Array.of(number)],
  };
}

const strings = { width: WIDTH, words: [], alphabet: codePointsOf('ab'), areTexts: false };
const descriptors = [
  traitsOf({
    name: 's',
    type: 'uint32',
    domains: ['strings'],
    size: 12,
    range: { low: 0, high: MAX_CODE_POINT },
    strings,
  }),
  traitsOf({ name: 'x', size: 1, range: { low: -10, high: 10 } }),
];
const seed = rowOf(['red', 'blue'], 0);

test('the distance counts edits and strings that differ, and norms are of numbers alone', () => {
  expect(measureDistance(rowOf(['rad', 'blue'], 2), seed)).toEqual({ linf: 2, l2: 2, l0: 2, edits: 1 });
  expect(measureDistance(rowOf(['', 'blues'], 0), seed)).toEqual({ linf: 0, l2: 0, l0: 2, edits: 4 });
  // One more character at the front is one edit, whatever moves behind it.
  expect(measureDistance(rowOf(['ared', 'blue'], 0), seed)).toMatchObject({ l0: 1, edits: 1 });
});

test.each([
  [['rad', 'blue'], 0, { edits: 1 }, true],
  [['rad', 'blu'], 0, { edits: 1 }, false],
  [['green', 'x'], 0.5, { linf: 1 }, true],
  [['green', 'x'], 2, { l2: 1 }, false],
  [['green', 'x'], 2, { l0: 1 }, true],
] as const)('%j and %d within %j: %s', (texts, number, limits, isLegal) => {
  const anchors = { ancestor: seed, reference: seed };
  const testcase = rowOf(texts, number);
  const broken = findBrokenConstraints(testcase, anchors, limits, descriptors, [true, true]);
  expect(broken.length === 0).toBe(isLegal);
  const projector = new ConstraintProjector(limits, descriptors, [0, 1], [12, 1]);
  const mutant = rowOf(texts, number);
  const isProjected = projector.project(
    mutant.form,
    mutant.inputs,
    0,
    [undefined, undefined],
    seed,
    undefined,
  );
  if ('edits' in limits) expect(isProjected).toBe(isLegal);
  // Norms bring numbers back and leave strings alone.
  expect(mutant.inputs[0]).toEqual(testcase.inputs[0]);
});
