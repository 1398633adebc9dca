import { describe, expect, it } from '@jest/globals';
import { brokenPromise } from '../../../bench/hostile/ending.ts';

const ended = (code: number | null, stderr = '', stdout = '') => ({ code, stdout, stderr });
const REFUSED = 'neurofuzz: cannot read seeds.npz: no such file or folder\n';

describe('brokenPromise', () => {
  it.each([
    ['nothing found', ended(0), [0, 1]],
    ['findings, and a log', ended(1, '12:30:05  a finding\n'), [0, 1]],
    ['a refusal in one line', ended(2, REFUSED), [0, 2]],
    ['text in other scripts, tabs and line ends', ended(0, '', 'größte\tШлюз\r\n'), [0]],
  ])('accepts %s', (_, ending, allowed) => {
    expect(brokenPromise(ending, allowed)).toBeUndefined();
  });

  it.each([
    ['a signal', ended(null, ''), [0, 1], 'exit null'],
    ['an exit code that is not allowed', ended(3, REFUSED), [0, 2], 'exit 3'],
    ['an unexpected error', ended(2, 'neurofuzz: unexpected: x is not a function\n'), [2], 'unexpected'],
    [
      'a stack trace',
      ended(2, `${REFUSED}    at readSeeds (/src/inputs/seeds.ts:12:34)\n`),
      [2],
      'a stack trace',
    ],
    ['a refusal without a word', ended(2, ''), [2], '0 messages'],
    ['a refusal in two lines', ended(2, REFUSED + REFUSED), [2], '2 messages'],
    ['an escape sequence of a terminal', ended(0, '', 'name \u001b[2J'), [0], 'raw control'],
    ['an override of the direction of text', ended(0, 'name \u202e.exe'), [0], 'raw control'],
  ])('refuses %s', (_, ending, allowed, said) => {
    expect(brokenPromise(ending, allowed)).toContain(said);
  });
});
