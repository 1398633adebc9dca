import { expect, test } from '@jest/globals';
import { exitReason } from '../../src/core/exit-reason.ts';

/** Standard error of a process that Node.js ends for an exception that nobody caught. */
function uncaught(message: string): string {
  return `a line of the model\nnode:internal/fs/promises:637\n  return new FileHandle(…);\n         ^\n\n${message}\n    at async open (node:internal/fs/promises:637:25) {\n  errno: -24\n}\n\nNode.js v20.20.2\n`;
}

test.each([
  ["Error: EMFILE: too many open files, open '/x.js'", true],
  ['Error: ENOENT: no such file or directory, uv_cwd', true],
  ["Error: ENOENT: no such file or directory, open '/x.js'", false],
  ['TypeError: x is not a function', false],
  ['Error [ERR_ODD]: so it is', false],
])('an exception that nobody caught is the reason: %s', (text, isMachineFailure) => {
  expect(exitReason(uncaught(text))).toEqual({ text, isMachineFailure });
});

test('what else ends a process has written its last line', () => {
  expect(exitReason('first\nError: EMFILE: of the model\n')).toEqual({
    text: 'Error: EMFILE: of the model',
    isMachineFailure: false,
  });
  expect(exitReason('')).toEqual({ text: '', isMachineFailure: false });
});
