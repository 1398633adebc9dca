import { expect, test } from '@jest/globals';
import { countOomKills, OomWatch } from '../../../src/workers/lifetime/oom-kills.ts';

const reading = (files: Readonly<Record<string, string>>) => countOomKills((path) => files[path]);

test.each([
  [
    'version 2 of cgroups',
    { '/proc/self/cgroup': '0::/a/b\n', '/sys/fs/cgroup/a/b/memory.events': 'low 0\noom 9\noom_kill 3\n' },
    3,
  ],
  [
    'the root of a container',
    {
      '/proc/self/cgroup': '0::/host/path\n',
      '/sys/fs/cgroup/memory.events': 'oom_kill 4\noom_group_kill 0\n',
    },
    4,
  ],
  [
    'version 1 beside an empty version 2',
    {
      '/proc/self/cgroup': '5:cpu:/x\n4:memory:/a\n0::/\n',
      '/sys/fs/cgroup/memory/a/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 5\n',
      '/proc/vmstat': 'oom_kill 7\n',
    },
    5,
  ],
  ['the machine', { '/proc/self/cgroup': '0::/\n', '/proc/vmstat': 'nr_free_pages 1\noom_kill 6\n' }, 6],
  ['nothing', {}, undefined],
])('kills are counted by %s', (_, files, kills) => {
  expect(reading(files)).toBe(kills);
});

test('on Linux they are counted', () => {
  const kills = countOomKills();
  if (process.platform === 'linux') expect(kills).toBeGreaterThanOrEqual(0);
  else expect(kills).toBeUndefined();
});

test('a kill shows although the counter was read between it and the end of its process, and not for ever', () => {
  let kills: number | undefined = 2;
  let now = 0;
  const watch = new OomWatch(
    () => kills,
    () => now,
  );
  expect(watch.hasKilled()).toBe(false);
  kills = 3;
  for (const [at, shows] of [
    [500, true],
    [1000, true],
    [1999, true],
    [2000, false],
  ] as const) {
    now = at;
    watch.tick();
    expect([at, watch.hasKilled()]).toEqual([at, shows]);
  }
  kills = undefined;
  expect(watch.hasKilled()).toBe(false);
});
