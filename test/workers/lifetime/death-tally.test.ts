import { expect, test } from '@jest/globals';
import { MachineError } from '../../../src/core/errors.ts';
import { DeathTally } from '../../../src/workers/lifetime/death-tally.ts';
import { OOM_KILL_MARK, ProcessDied } from '../../../src/workers/lifetime/process-died.ts';
import { LOADING_MARK } from '../../../src/workers/watchdog.ts';

const excuses = (deaths: DeathTally, died: ProcessDied): boolean => deaths.excuses(died, 7, 'calibrate');

test.each([
  ['a crash', new ProcessDied('crash', 'SIGSEGV', ''), [true, false]],
  ['an exit', new ProcessDied('crash', 'exit 3', ''), [true, false]],
  ['an end by the out-of-memory killer', new ProcessDied('memory', 'SIGKILL', OOM_KILL_MARK), [true, false]],
  ['a hang', new ProcessDied('hang', 'SIGKILL', ''), [false]],
  ['more memory than --memory', new ProcessDied('memory', 'SIGKILL', ''), [false]],
  ['a limit of loading', new ProcessDied('memory', 'SIGKILL', `${LOADING_MARK} 1.0 GB`), [false]],
])('%s', (_, died, excused) => {
  const deaths = new DeathTally();
  expect(excused.map(() => excuses(deaths, died))).toEqual(excused);
});

test('deaths by something outside are excused nine times, and do not count among the others', () => {
  const deaths = new DeathTally();
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGHUP', 'SIGINT', 'SIGKILL', 'SIGUSR1', 'SIGQUIT', 'SIGXCPU'])
    expect(excuses(deaths, new ProcessDied('crash', signal, ''))).toBe(true);
  const crash = new ProcessDied('crash', 'SIGABRT', '');
  expect([excuses(deaths, crash), excuses(deaths, crash)]).toEqual([true, false]);
  const killed = new ProcessDied('crash', 'SIGKILL', '');
  expect(excuses(deaths, killed)).toBe(true);
  expect(() => excuses(deaths, killed)).toThrow(MachineError);
  expect(() => excuses(deaths, killed)).toThrow(/SIGKILL .* process id 7 in the step calibrate/);
});

test('the first crash counts where that is asked for', () => {
  expect(excuses(new DeathTally(1), new ProcessDied('crash', 'SIGABRT', ''))).toBe(false);
});
