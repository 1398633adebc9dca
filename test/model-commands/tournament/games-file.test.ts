import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Cup } from '../../../src/model-commands/tournament/cup.ts';
import {
  GAMES_FILE,
  type GamesLine,
  hasTournament,
  type PlayerLine,
  readTournament,
  setDamagedAside,
} from '../../../src/model-commands/tournament/games-file.ts';
import { testFolder } from '../../support/folder.ts';

const folders = Array.from({ length: 5 }, () => testFolder());

const settings = {
  formatVersion: 1,
  kind: 'settings',
  seed: 's',
  settings: { games: 20 },
  inputs: ['float32 4'],
  classes: 3,
  seeds: ['aa', 'bb'],
  leftOut: 1,
} as const;

function player(name: string): PlayerLine {
  return { kind: 'player', name, plays: 'model', from: name, input: null, sha256: 'x', joined: 0 };
}

const games = (first: string, from: number): GamesLine => ({
  kind: 'games',
  players: [first, 'm'],
  from,
  seeds: [0, 1],
  scores: [1, 0],
});

function readLines(folder: string): string {
  return readFileSync(join(folder, GAMES_FILE), 'utf8');
}

test('the file does not tell in which order games were played, nor whether that was interrupted', async () => {
  const [one, other] = folders;
  const begin = (folder: string) =>
    Cup.begin(folder, { ...settings, inputs: ['float32 4'], seeds: ['aa', 'bb'] }, [
      player('a'),
      player('b'),
      player('m'),
    ]);
  const cup = await begin(one);
  for (const line of [games('a', 0), games('a', 2), games('b', 0)]) await cup.record(line);
  await cup.finish();
  const killed = await begin(other);
  await killed.record(games('b', 0));
  // A line that was being written.
  appendFileSync(join(other, GAMES_FILE), '{"kind":"games","players":["a","m"],"fr');
  const resumed = Cup.resume(other, await readTournament(other));
  expect(resumed.gamesOf('b', 'm').count).toBe(2);
  expect(resumed.gamesOf('a', 'm').count).toBe(0);
  await resumed.record(games('a', 2));
  await resumed.record(games('a', 0));
  await resumed.finish();
  expect(readLines(other)).toBe(readLines(one));
});

test('a damaged line is left out, a damaged first line is refused', async () => {
  const [, , folder, none] = folders;
  const cup = await Cup.begin(folder, { ...settings, inputs: ['float32 4'], seeds: ['aa', 'bb'] }, [
    player('a'),
    player('m'),
  ]);
  await cup.record(games('a', 0));
  const whole = readLines(folder);
  appendFileSync(
    join(folder, GAMES_FILE),
    '{"kind":"games","players":["a","m"],"from":2,"seeds":[0],"scores":[1,1]}\n{"kind":"games","pl#yers\n',
  );
  const damaged = readLines(folder);
  const saved = await readTournament(folder);
  expect(saved).toMatchObject({ damaged: 2, games: [{ from: 0 }] });
  expect(readFileSync(await setDamagedAside(folder, saved), 'utf8')).toBe(damaged);
  expect(readLines(folder)).toBe(whole);
  expect(await hasTournament(none)).toBe(false);
  appendFileSync(join(none, GAMES_FILE), 'nonsense\n');
  await expect(readTournament(none)).rejects.toThrow('its first line holds no settings');
});

test.each([
  [
    'a line that shows no kind',
    (lines: string[]) => ['\0'.repeat(80), ...lines.slice(1)],
    /line 2 can't be read/,
  ],
  ['a torn player', (lines: string[]) => [lines[0].slice(0, 40), ...lines.slice(1)], /line 2 can't be read/],
  [
    'another name of a player',
    ([first, ...lines]: string[]) => [first.replace('"name":"a"', '"name":"q"'), ...lines],
    /line 4 has games of a player that the file does not name/,
  ],
])('%s is refused, and the file stays: a player can not be played again', async (_name, damage, message) => {
  const folder = folders[4];
  const cup = await Cup.begin(folder, { ...settings, inputs: ['float32 4'], seeds: ['aa', 'bb'] }, [
    player('a'),
    player('m'),
  ]);
  await cup.record(games('a', 0));
  const [first, ...lines] = readLines(folder).split('\n');
  const text = [first, ...damage(lines)].join('\n');
  writeFileSync(join(folder, GAMES_FILE), text);
  await expect(readTournament(folder)).rejects.toThrow(message);
  expect(readLines(folder)).toBe(text);
});
