import { expect, test } from '@jest/globals';
import { Judges, verdictOf, withOpinions } from '../../src/evaluation/judges.ts';
import { isNoFault, isSignatureOf, withoutVerdict } from '../../src/objectives/objective.ts';
import { FORM, rowFunctionModel } from '../support/task-runner.ts';

const testcaseOf = (...values: number[]) => ({ form: FORM, inputs: [Float32Array.from(values)] });
const OPINION = { model: 'm', class: 0, share: 0.9, isSure: true };

test('a judge is sure from the share of the seed class on that is asked for', async () => {
  // The logits are the input.
  const { model, runs } = rowFunctionModel((x) => x);
  const judges = new Judges([{ name: 'twin.onnx', model }], 0.8);
  const [sure, unsure, other] = await judges.judge(
    [testcaseOf(4, 0, 0), testcaseOf(1, 0.5, 0), testcaseOf(0, 4, 0)],
    [0, 0, 0],
  );
  expect(sure).toEqual([{ model: 'twin.onnx', class: 0, share: 0.964663, isSure: true }]);
  expect(unsure[0]).toMatchObject({ class: 0, isSure: false });
  expect(other[0]).toMatchObject({ class: 1, isSure: false });
  expect(runs).toEqual([3]);
});

test('a judge that fails on one input is not sure of that one', async () => {
  const { model } = rowFunctionModel((x) => {
    if (x[2] === 7) throw new Error('seven');
    return x;
  });
  const judges = new Judges([{ name: 'twin.onnx', model }], 0.8);
  const [[fine], [failed]] = await judges.judge([testcaseOf(9, 0, 0), testcaseOf(9, 0, 7)], [0, 0]);
  expect(fine.isSure).toBe(true);
  expect(failed).toEqual({ model: 'twin.onnx', class: -1, share: 0, isSure: false });
});

test('a wrong answer counts where all judges are sure; others have signatures of their own, which are no faults', () => {
  const violation = {
    objective: 'misclassified',
    signature: 'misclassified-logits',
    summary: '',
    tensors: [],
    details: {},
  };
  const unsure = { ...OPINION, isSure: false };
  expect(verdictOf([OPINION, OPINION])).toBeUndefined();
  expect(withOpinions(violation, [OPINION, OPINION]).signature).toBe('misclassified-logits');
  const disputed = withOpinions(violation, [OPINION, unsure]);
  expect(disputed).toMatchObject({ signature: 'misclassified-disputed-logits', judges: [OPINION, unsure] });
  const unclear = withOpinions(violation, [unsure, unsure]).signature;
  expect(unclear).toBe('misclassified-unclear-logits');
  expect([violation.signature, disputed.signature, unclear].map(isNoFault)).toEqual([false, true, true]);
  expect(withoutVerdict(unclear)).toBe('misclassified-logits');
  expect(isSignatureOf(unclear, 'misclassified')).toBe(true);
  expect(isSignatureOf('misclassified-unclear-near-logits', 'misclassified-near')).toBe(true);
});
