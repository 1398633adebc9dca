import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { layoutOf } from '../../src/mutators/image/layout.ts';
import { countingTask } from '../../src/reprogram/squares.ts';
import { embeddingOf, embedPicture } from '../../src/reprogram/task-pictures.ts';

const grey = { channelsFirst: false, channels: 1, black: [-1], white: [1], bgr: false } as const;

describe('embedding', () => {
  test.each([
    [8, 28, 2, 6],
    [16, 28, 1, 6],
    [28, 224, 4, 56],
    [20, 28, 1, 4],
    [28, 28, 1, 0],
  ])(
    'a picture of %i pixels in one of %i is enlarged %i times and begins at %i',
    (side, host, factor, at) => {
      const embedding = embeddingOf({ height: side, width: side }, { height: host, width: host });
      expect(embedding).toMatchObject({ factor, top: at, left: at, height: factor * side });
    },
  );

  test('writes the picture in the middle, and black around it', () => {
    const form = shapeSignatureOf([
      makeTestcaseInput({ name: 'x', type: 'float32', shape: [null, 6, 7, 1] }, [6, 7, 1]),
    ]);
    const base = { form, inputs: [new Float32Array(42).fill(0.5)] };
    const task = { height: 1, width: 2, channels: 1 };
    const layout = layoutOf(grey as never, [6, 7, 1]);
    const embedding = embeddingOf({ ...task, factor: 2 }, layout);
    const { inputs } = embedPicture(base, 0, Float64Array.of(1, 0.5), task, embedding, layout);
    const rows = Array.from({ length: 6 }, (_, row) => [...inputs[0].slice(7 * row, 7 * row + 7)]);
    const black = new Array(7).fill(-1);
    expect(rows).toEqual([black, black, [-1, 1, 1, 0, 0, -1, -1], [-1, 1, 1, 0, 0, -1, -1], black, black]);
    expect(base.inputs[0][0]).toBe(0.5);
  });

  test('repeats one channel in all of the model, which come first', () => {
    const form = shapeSignatureOf([
      makeTestcaseInput({ name: 'x', type: 'float32', shape: [null, 3, 2, 2] }, [3, 2, 2]),
    ]);
    const picture = { ...grey, channelsFirst: true, channels: 3, black: [0, 0, 0], white: [1, 2, 3] };
    const layout = layoutOf(picture as never, [3, 2, 2]);
    const task = { height: 1, width: 1, channels: 1 };
    const embedding = embeddingOf(task, layout);
    const base = { form, inputs: [new Float32Array(12)] };
    const { inputs } = embedPicture(base, 0, Float64Array.of(1), task, embedding, layout);
    expect([...inputs[0]]).toEqual([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
  });
});

test('squares: as many as the label says and one more, of a seventh of the side', () => {
  const { pictures, labels, factor, labelCount } = countingTask(3, 28, 600, randomStream('squares'));
  expect({ factor, labelCount }).toEqual({ factor: 4, labelCount: 3 });
  pictures.forEach((picture, i) => {
    expect(picture.length).toBe(16);
    expect(picture.reduce((sum, level) => sum + level, 0)).toBe(labels[i] + 1);
  });
  for (const label of [0, 1, 2])
    expect(labels.filter((other) => other === label).length).toBeGreaterThan(150);
  expect(countingTask(3, 28, 600, randomStream('squares')).labels).toEqual(labels);
});
