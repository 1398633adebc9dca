import { expect, test } from '@jest/globals';
import {
  failedRunViolation,
  processDeathViolation,
  unrepeatedDeathViolation,
} from '../../src/objectives/crash-signature.ts';

const ONNX = (node: string, why: string) =>
  `Non-zero status code returned while running ${node} Status Message: ${why}`;

test.each([
  [ONNX("Div node. Name:'quotient'", 'Integer division by zero'), 'crash-quotient'],
  [ONNX("Gather node. Name:''", 'indices element out of data bounds, idx=17'), 'crash-Gather'],
  [ONNX("Conv node. Name:'block/1/conv'", 'x'), 'crash-block_1_conv'],
  ['Error in gather: 17 is not in [0, 10)', 'crash-error_in_gather_is_not_in'],
  ['Error in gather: 3 is not in [0, 12)', 'crash-error_in_gather_is_not_in'],
  ['std::bad_alloc', 'memory'],
  ['Failed to allocate memory for requested buffer of size 4000000', 'memory'],
])('%s is %s', (message, signature) => {
  expect(failedRunViolation(message).signature).toBe(signature);
});

test('a process that ends is named by its signal, and one that ended once is a fault of its own', () => {
  expect(processDeathViolation('crash', 'SIGSEGV')).toMatchObject({
    signature: 'crash-sigsegv',
    objective: 'crash',
  });
  expect(processDeathViolation('crash', 'exit 3')).toMatchObject({ signature: 'crash-exit_3' });
  expect(processDeathViolation('hang', 'SIGKILL')).toMatchObject({ signature: 'hang', objective: 'hang' });
  expect(processDeathViolation('memory', 'SIGKILL')).toMatchObject({
    signature: 'memory',
    objective: 'memory',
  });
  expect(unrepeatedDeathViolation('SIGSEGV', 12)).toMatchObject({
    signature: 'crash-sigsegv-once',
    objective: 'crash',
  });
});
