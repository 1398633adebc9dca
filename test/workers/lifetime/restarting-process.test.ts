import { expect, test } from '@jest/globals';
import { UserError } from '../../../src/core/errors.ts';
import { ProcessDied } from '../../../src/workers/lifetime/process-died.ts';
import { RestartingProcess } from '../../../src/workers/lifetime/restarting-process.ts';
import { type Answers, crash, spawner } from '../../support/process.ts';

type CounterApi = Readonly<Record<'set' | 'add' | 'scale', (value: number) => void>> & {
  readonly get: (name: string) => number;
};

/** A process that holds a number, which is lost with it. */
function counting(answers: Answers<CounterApi> = {}) {
  const processes = spawner<CounterApi>(answers);
  const counter = new RestartingProcess<CounterApi>({
    spawn: processes.spawn,
    state: { resets: ['set'], adds: ['add', 'scale'] },
  });
  return { counter, started: processes.started };
}

const callsOf = (started: ReturnType<typeof counting>['started']) =>
  started.map(({ calls }) => calls.map(({ method, parameters }) => `${method} ${parameters}`));

test('the state is made again with the last call of each method, in their order', async () => {
  const { counter, started } = counting();
  await counter.call('set', 1);
  await counter.call('add', 1);
  await counter.call('set', 2);
  await counter.call('add', 3);
  await counter.call('scale', 4);
  await counter.call('add', 5);
  started[0].isAlive = false;
  await counter.call('get', 'a');
  expect(callsOf(started)[1]).toEqual(['set 2', 'scale 4', 'add 5', 'get a']);
});

test('a call that replaces the state needs none; calls at once share one restart', async () => {
  const { counter, started } = counting();
  await counter.call('set', 1);
  started[0].isAlive = false;
  await counter.call('set', 2);
  started[1].isAlive = false;
  await Promise.all([counter.call('get', 'a'), counter.call('get', 'b')]);
  expect(callsOf(started)).toEqual([['set 1'], ['set 2'], ['set 2', 'get a', 'get b']]);
});

test('a process that dies while its state is made again is replaced as well', async () => {
  let kills = 0;
  const { counter, started } = counting({
    set: () => {
      if (kills-- > 0) throw crash('SIGKILL');
    },
  });
  await counter.call('set', 1);
  started[0].isAlive = false;
  kills = 2;
  await counter.call('get', 'a');
  expect(callsOf(started)).toEqual([['set 1'], ['set 1'], ['set 1'], ['set 1', 'get a']]);
});

test('a process whose state cannot be made again answers nothing', async () => {
  let isChanged = false;
  const { counter, started } = counting({
    set: () => {
      if (isChanged) throw new UserError('the file is gone');
    },
  });
  await counter.call('set', 1);
  started[0].isAlive = false;
  isChanged = true;
  for (let i = 0; i < 2; i++) await expect(counter.call('get', 'a')).rejects.toThrow('the file is gone');
  expect(callsOf(started)).toEqual([['set 1'], ['set 1'], ['set 1']]);
});

test('the death of a call that was to replace the state leaves the one before', async () => {
  const { counter, started } = counting({
    set: (value) => {
      if (value > 1) throw crash();
    },
  });
  await counter.call('set', 1);
  await expect(counter.call('set', 2)).rejects.toThrow(ProcessDied);
  await counter.call('get', 'a');
  expect(callsOf(started).at(-1)).toEqual(['set 1', 'get a']);
});

test('nothing is started once it was closed', async () => {
  const { counter, started } = counting();
  counter.kill();
  await expect(counter.call('get', 'a')).rejects.toThrow(ProcessDied);
  expect([started, counter.current]).toEqual([[], undefined]);
});
