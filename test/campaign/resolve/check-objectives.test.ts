import { describe, expect, test } from '@jest/globals';
import {
  checkLabels,
  checkObjectiveTensors,
  isBallConstrained,
} from '../../../src/campaign/resolve/check-objectives.ts';
import type { ModelInfo } from '../../../src/model/model.ts';
import type { ObjectiveDescriptor } from '../../../src/workers/objective-descriptor.ts';
import { testcaseOf } from '../../support/tasks.ts';

describe('labels', () => {
  const labelled = [{ name: 'misclassified', labelled: true }];

  test('are refused without an objective that needs them', () => {
    expect(() => checkLabels({ labels: 'labels.npy' }, [{ name: 'nonfinite' }])).toThrow(
      '--labels is given but no objective uses it',
    );
    expect(() => checkLabels({}, [{ name: 'nonfinite' }])).not.toThrow();
  });

  test('are required by an objective that needs them, with a constraint', () => {
    expect(() => checkLabels({ linf: 0.1 }, labelled)).toThrow('misclassified needs the class of each seed');
    expect(() => checkLabels({ labels: 'folders' }, labelled)).toThrow('misclassified needs a constraint');
    for (const limit of [
      { linf: 0.1 },
      { l2: 1 },
      { l0: 3 },
      { edits: 1 },
      { deephunter: { alpha: 0.1, beta: 0.2 } },
    ])
      expect(() => checkLabels({ labels: 'folders', ...limit }, labelled)).not.toThrow();
  });
});

test('distances keep mutants near their seed, edits do not', () => {
  expect(isBallConstrained({ l0: 3 })).toBe(true);
  expect(isBallConstrained({})).toBe(false);
});

describe('tensors of objectives', () => {
  const model = {
    inputs: [{ name: 'x', type: 'float32', shape: [null, 2] }],
    outputs: ['y'],
    watchable: ['y', 'hidden'],
  } as unknown as ModelInfo;
  const seed = testcaseOf([1, 2]);
  const reading = (...tensors: string[]): ObjectiveDescriptor[] => [
    {
      name: 'assert',
      tensors,
      hasMargins: false,
      isTwoSided: false,
      tellsTies: false,
      predictsBeforeOutput: false,
      isAttributable: false,
      breaksSeeds: false,
    },
  ];
  /** Checks the tensors; returns those that the model was probed with. */
  const check = async (
    objectives: ObjectiveDescriptor[],
    unbatched: string[] = [],
  ): Promise<readonly string[]> => {
    let probed: readonly string[] = [];
    await checkObjectiveTensors(model, objectives, ['watched'], seed, {
      async probe(_seed, tensors) {
        probed = tensors;
        return {
          batchLimitReason: undefined,
          largestBatch: 8,
          largestMagnitude: 1,
          unbatchedTensors: unbatched,
        };
      },
    });
    return probed;
  };

  test('are probed together with those of coverage, inputs and outputs excepted', async () => {
    expect(await check(reading('hidden', 'x', 'y'))).toEqual(['watched', 'hidden']);
    expect(await check(reading('x', 'y'))).toEqual([]);
  });

  test('are refused where the model has none of the name, or no row for each testcase', async () => {
    await expect(check(reading('hiden'))).rejects.toThrow('no tensor hiden');
    await expect(check(reading('hidden'), ['hidden'])).rejects.toThrow(
      'tensor hidden does not have one row per testcase',
    );
  });
});
