import { expect, test } from '@jest/globals';
import { OOM_KILL_MARK, ProcessDied } from '../../../src/workers/lifetime/process-died.ts';

test.each([
  ['crash', 'SIGKILL', true],
  ['crash', 'SIGTERM', true],
  ['crash', 'SIGHUP', true],
  ['crash', 'SIGSEGV', false],
  ['crash', 'SIGABRT', false],
  ['crash', 'SIGTRAP', false],
  ['crash', 'exit 3', false],
  ['hang', 'SIGKILL', false],
  ['memory', 'SIGKILL', false],
] as const)('a %s by %s comes from outside: %s', (kind, exitStatus, isFromOutside) => {
  expect(new ProcessDied(kind, exitStatus, '').isFromOutside).toBe(isFromOutside);
});

test('an end by the out-of-memory killer is told from one by --memory', () => {
  expect(new ProcessDied('memory', 'SIGKILL', OOM_KILL_MARK)).toMatchObject({
    isOomKill: true,
    mayBeChance: true,
  });
  expect(new ProcessDied('memory', 'SIGKILL', '')).toMatchObject({ isOomKill: false, mayBeChance: false });
});
