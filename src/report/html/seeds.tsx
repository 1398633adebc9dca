import {
  NORM_TEXTS,
  percentText,
  type SeedRow,
  type SeedStatistics,
  seedLines,
} from '../../campaign/monitor/seed-statistics.ts';
import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, formatNumber } from '../../core/format-number.ts';
import { Chart } from './chart.tsx';

/** Most seeds that are listed; `stats.json` has all. */
const MAX_ROWS = 200;

/** The account of a campaign's seeds for one objective: the share that is broken over the distance, and each seed. */
export function SeedAccounts({ account }: { readonly account: SeedStatistics }) {
  const { objective, norm, curve, seeds, accounts } = account;
  const axis = `${NORM_TEXTS[norm]} distance from the seed`;
  const [first] = seedLines(account);
  return (
    <>
      <h3>Seeds by {escapeControl(objective)}</h3>
      <p>{escapeControl(first)}</p>
      {curve.length === 0 ? null : (
        <>
          <div class="charts">
            <Chart
              title="Share of seeds broken (%)"
              points={[[0, 0], ...curve.map((point) => [point.epsilon, 100 * point.share] as const)]}
              axis={axis}
            />
          </div>
          <details>
            <summary>Data of the chart</summary>
            <section class="scroll" tabindex={0} aria-label="share of broken seeds by distance">
              <table>
                <thead>
                  <tr>
                    <th class="number">{axis}, at most</th>
                    <th class="number">seeds broken</th>
                  </tr>
                </thead>
                <tbody>
                  {curve.map(({ epsilon, share }) => (
                    <tr key={epsilon}>
                      <td class="number">{formatNumber(epsilon, 4)}</td>
                      <td class="number">{percentText(share)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
          </details>
        </>
      )}
      <details>
        <summary>
          {accounts.length > MAX_ROWS ? `${MAX_ROWS} of ${formatCount(seeds)} seeds` : 'All seeds'}, unbroken
          ones first
        </summary>
        <section class="scroll" tabindex={0} aria-label={`seeds by ${objective}`}>
          <table>
            <thead>
              <tr>
                <th>seed</th>
                <th>broken</th>
                <th class="number">mutants</th>
                <th class="number">first violation at mutant</th>
                <th class="number">smallest L∞</th>
                <th class="number">smallest L2</th>
                <th class="number">smallest L0</th>
              </tr>
            </thead>
            <tbody>
              {[...accounts]
                .sort((a, b) => Number(a.broken) - Number(b.broken))
                .slice(0, MAX_ROWS)
                .map((row) => (
                  <SeedTableRow key={row.seed} row={row} />
                ))}
            </tbody>
          </table>
        </section>
      </details>
    </>
  );
}

function SeedTableRow({
  row: { seed, broken, queries, firstQuery, linf, l2, l0 },
}: {
  readonly row: SeedRow;
}) {
  const text = (value: number | null): string => (value === null ? '' : formatNumber(value, 4));
  return (
    <tr>
      <td>
        <code>{escapeControl(seed)}</code>
      </td>
      <td>{broken ? 'yes' : 'no'}</td>
      <td class="number">{formatCount(queries)}</td>
      <td class="number">{firstQuery === null ? '' : formatCount(firstQuery)}</td>
      <td class="number">{text(linf)}</td>
      <td class="number">{text(l2)}</td>
      <td class="number">{text(l0)}</td>
    </tr>
  );
}
