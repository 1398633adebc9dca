import { expect, test } from '@jest/globals';
import { COMMAND_NAMES } from '../../src/cli/command-summaries.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';

test.each(COMMAND_NAMES)('the list of commands shows the arguments that %s takes', async (name) => {
  const [{ stdout: list }, { stdout: help }] = await Promise.all([
    neurofuzz(['--help']),
    neurofuzz([name, '--help']),
  ]);
  const [, usage] = /^Usage: neurofuzz (.*)$/m.exec(help) ?? [];
  expect(list.split('\n').map((line) => line.trim().split(/ {2,}/)[0])).toContain(usage);
});

test('a misspelt command is answered with the one that was meant', async () => {
  expect(await neurofuzz(['trige', 'neurofuzz-out/model'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Did you mean triage?'),
  });
});

test('the list of commands loads no command, and takes less than two thirds of the time of what loads them all', async () => {
  const secondsOf = async (...words: string[]): Promise<number> => {
    const times: number[] = [];
    for (let run = 0; run < 5; run++) {
      const start = performance.now();
      await neurofuzzProcess(words);
      times.push(performance.now() - start);
    }
    return Math.min(...times);
  };
  expect(await secondsOf('--help')).toBeLessThan((await secondsOf('complete', '--', 'mini')) / 1.5);
});
