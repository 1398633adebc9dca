import { expect, test } from '@jest/globals';
import { MachineError, UserError } from '../../src/core/errors.ts';
import { ProcessDied } from '../../src/workers/lifetime/process-died.ts';
import { refuseIfProcessDies } from '../../src/workers/refusal.ts';
import { LOADING_MARK } from '../../src/workers/watchdog.ts';

const refused = (error: Error): Promise<unknown> =>
  refuseIfProcessDies('m.onnx', 'loading it', () => Promise.reject(error)).catch((thrown: unknown) => thrown);

test.each([
  [
    new ProcessDied('crash', 'SIGSEGV', 'double free'),
    new UserError('m.onnx: loading it ends the process (the process ended with SIGSEGV: double free)'),
  ],
  [new ProcessDied('hang', 'SIGKILL', ''), new UserError('m.onnx: loading it does not finish')],
  [
    new ProcessDied('memory', 'SIGKILL', ''),
    new MachineError('m.onnx: loading it takes more memory than a worker may use: raise --memory'),
  ],
  [
    new ProcessDied('crash', 'SIGKILL', `${LOADING_MARK} 1.0 GB of memory`),
    new UserError(
      'm.onnx: loading it takes more than 1.0 GB of memory, far more than its size requires; refused',
    ),
  ],
])('%s is refused by the name of the model', async (died, refusal) => {
  const thrown = await refused(died);
  expect(thrown).toEqual(refusal);
  expect(thrown).toBeInstanceOf(refusal.constructor);
});

test('results and other errors pass', async () => {
  expect(await refuseIfProcessDies('m.onnx', 'loading it', async () => 7)).toBe(7);
  const error = new TypeError('x');
  expect(await refused(error)).toBe(error);
});
