import { expect, test } from '@jest/globals';
import { checkSettings } from '../../src/config/load.ts';
import { explainedConfig, FaultExplainer } from '../../src/report/explain-faults.ts';

const INPUTS = [
  { name: 'x', range: [-1, 1] },
  { name: 'kept', range: [0, 0] },
  { name: 'y', range: [0, 5] },
] as const;

function rangeOf(range: unknown) {
  const config = checkSettings(
    { model: 'model.onnx', ...(range === undefined ? {} : { range }) },
    {},
    'test',
  );
  return explainedConfig(config, INPUTS, 'model.onnx', '1').range;
}

test('ranges are those of the campaign: as they were set, else as they were resolved', () => {
  expect(rangeOf(undefined)).toEqual({ x: [-1, 1], y: [0, 5] });
  expect(rangeOf({ x: [0, 2] })).toEqual({ x: [0, 2], y: [0, 5] });
  expect(rangeOf([0, 9])).toEqual([0, 9]);
});

test('inputs that are no pictures are noted once', () => {
  const gaps: string[] = [];
  const explainer = new FaultExplainer(checkSettings({ model: 'model.onnx' }, {}, 'test'), [], gaps);
  explainer.refuseInputs();
  explainer.refuseInputs();
  expect(gaps).toEqual([expect.stringContaining('no input of the model takes pictures')]);
});
