import { scaleLinear } from 'd3-scale';
import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import type { PairCell, RatedLine, TournamentReport } from '../../model-commands/tournament/ratings.ts';
import { Chart } from './chart.tsx';
import { documentHtml } from './document.tsx';

const STYLES = `
.matrix th, .matrix td { padding: .2rem .4rem; text-align: right; font-variant-numeric: tabular-nums; }
.matrix thead th { writing-mode: vertical-rl; text-align: left; vertical-align: bottom; max-height: 14rem; }
.matrix tbody th { font-weight: normal; white-space: nowrap; }
.interval { width: 240px; height: 18px; } .interval line { stroke: var(--accent); stroke-width: 3; }
`;

/** Width of an interval's picture, in its own units. */
const WIDTH = 240;

/** Most that a cell of the matrix is coloured, in percent: text on it must be readable. */
const MOST_COLOUR = 45;

/** Fewest players whose names end in numbers that make a chart. */
const MIN_POINTS = 3;

/**
 * Renders a tournament as a self-contained page without scripts: the list with intervals, the matrix of pairs as a heat map, and
 * ratings over checkpoints where names end in numbers.
 */
export function tournamentPageHtml(report: TournamentReport): string {
  const { players, games, seeds, seed, unrated, bridges, win } = report;
  return documentHtml({
    title: 'Tournament',
    styles: STYLES,
    header: (
      <>
        <p>
          {plural(games, 'game')}
          {seeds.count > 0 && ` on ${plural(seeds.count, 'seed')}`}. Rule: {escapeControl(win)}. Master seed:{' '}
          {escapeControl(seed)}.
        </p>
        {unrated.map(({ name, real }) => (
          <p key={name}>
            Not rated: {escapeControl(name)} calls {(100 * real).toFixed(1)} % of the real examples real, and
            would win every game.
          </p>
        ))}
        {bridges.map(({ groups, games: across }) => (
          <p key={groups.join()}>
            Not ranked together, with {across === 0 ? 'no decided game' : plural(across, 'game')} between
            them: {groups.map((names) => escapeControl(names.join(', '))).join('; and ')}.
          </p>
        ))}
      </>
    ),
    children: (
      <main>
        <PlayerList players={players} />
        <Matrix players={players} pairs={report.pairs} />
        <Checkpoints players={players} />
      </main>
    ),
  });
}

function PlayerList({ players }: { readonly players: readonly RatedLine[] }) {
  const ends = players.flatMap(({ bradleyTerry: { low, high } }) => [low, high]);
  const x = scaleLinear([Math.min(...ends), Math.max(...ends)], [4, WIDTH - 4]);
  return (
    <section>
      <h2>Players</h2>
      <p class="soft">
        Players of one kind whose intervals of 95 % overlap share a rank. Ratings of different groups can't be
        compared. Who wins every game or none (*) lies apart from the others by the prior, not by games.
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th class="number">Bradley–Terry rank</th>
              <th>player</th>
              <th>kind</th>
              <th class="number">Bradley–Terry</th>
              <th>95 %</th>
              <th class="number">Glicko-2</th>
              <th class="number">win rate</th>
              <th class="number">games</th>
              <th class="number">group</th>
            </tr>
          </thead>
          <tbody>
            {players.map(({ name, kind, bradleyTerry, glicko2, winRate, games, group }) => (
              <tr key={name}>
                <td class="number">{bradleyTerry.rank}</td>
                <td class="word">{escapeControl(name)}</td>
                <td>{kind}</td>
                <td class="number">
                  {bradleyTerry.rating.toFixed(0)}
                  {bradleyTerry.isByPrior && ' *'}
                </td>
                <td>
                  <svg
                    class="interval"
                    viewBox={`0 0 ${WIDTH} 18`}
                    role="img"
                    aria-label={`${bradleyTerry.low.toFixed(0)} to ${bradleyTerry.high.toFixed(0)}`}
                  >
                    <line x1={x(bradleyTerry.low)} x2={x(bradleyTerry.high)} y1="9" y2="9" />
                    <circle class="dot" cx={x(bradleyTerry.rating)} cy="9" r="4" />
                  </svg>
                </td>
                <td class="number">
                  {glicko2.rating.toFixed(0)} ± {(2 * glicko2.deviation).toFixed(0)}
                </td>
                <td class="number">
                  {winRate.mean.toFixed(3)} ({winRate.low.toFixed(3)}–{winRate.high.toFixed(3)})
                </td>
                <td class="number">{formatCount(games)}</td>
                <td class="number">{group}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Matrix({ players, pairs }: Pick<TournamentReport, 'players' | 'pairs'>) {
  return (
    <section>
      <h2>Pairs</h2>
      <p class="soft">
        Mean score of the row's player against the column's. Models that met the same mutants are compared on
        them; these comparisons are in no rating.
      </p>
      <div class="scroll">
        <table class="matrix">
          <thead>
            <tr>
              <td />
              {players.map(({ name }) => (
                <th key={name} scope="col">
                  {escapeControl(name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {players.map(({ name }, row) => (
              <tr key={name}>
                <th scope="row">{escapeControl(name)}</th>
                {players.map((other, column) => (
                  <Cell key={other.name} cell={pairs[row][column]} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Cell({ cell }: { readonly cell: PairCell }) {
  if (cell === null) return <td />;
  const [score, games] = cell;
  const share = (MOST_COLOUR * score).toFixed(0);
  return (
    <td
      style={`background:color-mix(in srgb, var(--accent) ${share}%, var(--paper))`}
      title={plural(games, 'game')}
    >
      {score.toFixed(2)}
    </td>
  );
}

function Checkpoints({ players }: { readonly players: readonly RatedLine[] }) {
  const charts = checkpointSeries(players);
  if (charts.length === 0) return null;
  return (
    <section>
      <h2>Rating over checkpoints</h2>
      <div class="charts">
        {charts.map(({ prefix, points }) => (
          <Chart
            key={prefix}
            title={escapeControl(prefix)}
            axis="number at the end of the name"
            points={points}
            low={Math.min(...points.map(([, rating]) => rating))}
          />
        ))}
      </div>
    </section>
  );
}

interface Series {
  readonly prefix: string;
  readonly points: readonly (readonly [number: number, rating: number])[];
}

/** Ratings of players of the first group whose names end in numbers, by what stands before the number. */
export function checkpointSeries(players: readonly RatedLine[]): Series[] {
  const series = new Map<string, (readonly [number, number])[]>();
  for (const { name, kind, group, bradleyTerry } of players) {
    const [, prefix, number] = /^(.*?)(\d+)$/s.exec(name) ?? [];
    const isCheckpoint = prefix !== undefined && kind !== 'mutator' && kind !== 'corpus' && group === 1;
    if (isCheckpoint)
      series.set(prefix, [...(series.get(prefix) ?? []), [Number(number), bradleyTerry.rating]]);
  }
  return [...series]
    .filter(([, points]) => points.length >= MIN_POINTS)
    .map(([prefix, points]) => ({ prefix, points: points.sort(([a], [b]) => a - b) }));
}
