import { expect, test } from '@jest/globals';
import type { RatedLine, TournamentReport } from '../../src/model-commands/tournament/ratings.ts';
import { checkpointSeries, tournamentPageHtml } from '../../src/report/html/tournament-page.tsx';

function player(name: string, rating: number, kind: RatedLine['kind'] = 'model', group = 1): RatedLine {
  return {
    name,
    kind,
    from: `${name}.onnx`,
    sha256: null,
    games: 40,
    winRate: { mean: 0.5, low: 0.4, high: 0.6 },
    bradleyTerry: { rating, low: rating - 20, high: rating + 30, rank: 1, above: 0, isByPrior: false },
    glicko2: { rating: 1500, deviation: 40, volatility: 0.06 },
    group,
  };
}

const players = [
  player('step-200', 1700),
  player('step-20', 1600),
  player('step-3', 1400),
  player('<b>odd\u202e', 1300, 'mutator'),
];
const report: TournamentReport = {
  formatVersion: 1,
  seed: 's',
  win: 'correct',
  opponents: 'mutators',
  pairing: 'all',
  gamesPerPair: 20,
  games: 60,
  sortedBy: 'bradley-terry',
  tau: 0.5,
  period: 100,
  seeds: { count: 10, leftOut: 0 },
  unrated: [{ name: 'strict', real: 0.005 }],
  bridges: [{ groups: [['step-3'], ['step-20']], games: 20 }],
  players,
  pairs: players.map((_, row) => players.map((__, column) => (row === column ? null : [0.25, 20]))),
};

test('has the list with intervals, the matrix and a chart over checkpoints, and no script', () => {
  const html = tournamentPageHtml(report);
  expect(html.match(/class="interval"/g)).toHaveLength(4);
  expect(html).toContain('aria-label="1680 to 1730"');
  expect(html.match(/color-mix\(in srgb, var\(--accent\) 11%/g)).toHaveLength(12);
  expect(html.match(/class="curve"/g)).toHaveLength(1);
  expect(html).toContain('Not rated: strict calls 0.5 % of the real examples real');
  expect(html).toContain('with 20 games between them: step-3; and step-20');
  expect(html).not.toContain('<script');
  expect(html).not.toContain('<b>odd');
  expect(html).not.toContain('\u202e');
  expect(tournamentPageHtml(report)).toBe(html);
});

test('checkpoints are players of the first group whose names end in numbers, in their order', () => {
  expect(checkpointSeries(players)).toEqual([
    {
      prefix: 'step-',
      points: [
        [3, 1400],
        [20, 1600],
        [200, 1700],
      ],
    },
  ]);
  expect(checkpointSeries(players.slice(1))).toEqual([]);
  expect(checkpointSeries([...players.slice(1), player('step-9', 1, 'model', 2)])).toEqual([]);
  expect(checkpointSeries([1, 2, 3].map((n) => player(`rotate:most=${n}`, n, 'mutator')))).toEqual([]);
});
