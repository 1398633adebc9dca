import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Task } from '../../../src/fuzzer/scheduling/task.ts';
import { fromTaskRecord, toTaskRecord } from '../../../src/fuzzer/scheduling/task-record.ts';
import { taskOf } from '../../support/tasks.ts';

const indices = fc.array(fc.integer({ min: -1, max: 1e6 }), { maxLength: 6 });
const margins = fc.array(
  fc.double({ min: 0, max: 1e6, noNaN: true }).map((margin) => margin + 0),
  { maxLength: 6 },
);
const names = fc.array(fc.string(), { maxLength: 3 });

const tasks: fc.Arbitrary<Task> = fc.record(
  {
    number: fc.nat(),
    firstExec: fc.nat(),
    mutants: fc.nat(),
    parents: indices,
    partners: indices,
    stacks: indices,
    saturatedSignatures: names,
    indexSize: fc.nat(),
    threshold: fc.double({ min: 0, max: 1e9, noNaN: true }).map((threshold) => threshold + 0),
    disabledObjectives: names,
    goal: fc
      .record({
        goalIndex: fc.nat(),
        subgoals: indices,
        slots: indices,
        marginsToBeat: margins,
        best: margins,
      })
      .chain((goal) =>
        fc
          .option(
            fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true }).map((n) => n + 0)), {
              maxLength: 6,
            }),
            { nil: undefined },
          )
          .map((strengths) => (strengths === undefined ? goal : { ...goal, strengths })),
      )
      .chain((goal) =>
        fc
          .option(indices, { nil: undefined })
          .map((seeds) => (seeds === undefined ? goal : { ...goal, seeds })),
      ),
    picksPerStep: fc.integer({ min: 1, max: 512 }),
    lookahead: fc.boolean(),
    countsNeighbours: fc.constant(true as const),
    sizeChange: fc.record({
      dimension: fc.string(),
      places: fc.array(fc.record({ input: fc.nat(), axis: fc.nat() })),
      lengthInputs: indices,
      size: fc.nat(),
    }),
    radii: fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true }).map((n) => n + 0)), {
      maxLength: 6,
    }),
  },
  {
    requiredKeys: [
      'number',
      'firstExec',
      'mutants',
      'parents',
      'partners',
      'stacks',
      'saturatedSignatures',
      'indexSize',
      'threshold',
    ],
  },
);

test('a task comes back from its record in JSON', () => {
  fc.assert(
    fc.property(tasks, (task) => {
      expect(fromTaskRecord(JSON.parse(JSON.stringify(toTaskRecord(task))))).toEqual(task);
    }),
  );
});

test('the keys on disk are those of earlier versions', () => {
  const goal = {
    goalIndex: 1,
    subgoals: [0],
    slots: [2],
    marginsToBeat: [9],
    best: [8],
    strengths: [1e-3, null],
  };
  const task = taskOf([4], {
    threshold: 1,
    disabledObjectives: ['assert'],
    goal,
    picksPerStep: 1,
    lookahead: true,
  });
  expect(toTaskRecord(task)).toEqual({
    number: 1,
    execsBefore: 0,
    mutants: 8,
    parents: [4],
    mates: [-1],
    chains: [0, -1, -1, -1],
    saturated: [],
    indexed: 0,
    threshold: 1,
    ended: ['assert'],
    focus: { point: 1, targets: [0], lanes: [2], bars: [9], best: [8], strengths: [1e-3, null] },
    stride: 1,
    looks: true,
  });
});
