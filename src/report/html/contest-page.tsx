import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { ContestReport } from '../../model-commands/contest.ts';
import { Chart } from './chart.tsx';
import { documentHtml } from './document.tsx';

/** Renders a contest as a self-contained page without scripts: the table, and accuracy by coverage for each attack. */
export function contestPageHtml(report: ContestReport): string {
  const { model, inputs, coverage, confidence, threshold, campaign, attacks, worst } = report;
  const rows = [...attacks, worst];
  return documentHtml({
    title: `Contest of ${model.path}`,
    header: (
      <>
        <p>
          {plural(inputs, 'input')}. The model answers from {confidence} {formatNumber(threshold, 4)} on.
          Findings: {escapeControl(campaign)}.
        </p>
        <p class="soft">The figures hold for these inputs, these attacks and their limits.</p>
      </>
    ),
    children: (
      <main>
        <section>
          <h2>Attacks</h2>
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>attack</th>
                  <th class="number">accuracy@{formatNumber(100 * coverage, 3)}</th>
                  <th class="number">accuracy@100</th>
                  <th class="number">confident mistakes</th>
                  <th class="number">coverage</th>
                  <th class="number">median queries</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.attack}>
                    <td class="word">{escapeControl(row.attack)}</td>
                    <td class="number">{formatNumber(row.accuracyAtCoverage, 3)}</td>
                    <td class="number">{formatNumber(row.accuracyAtAll, 3)}</td>
                    <td class="number">{formatCount(row.confidentMistakes)}</td>
                    <td class="number">{formatNumber(100 * row.coverage, 3)} %</td>
                    <td class="number">{formatCount(row.queriesMedian)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
        <section>
          <h2>Accuracy by coverage</h2>
          {rows.map(({ attack, curve }) => (
            <Chart
              key={attack}
              title={escapeControl(attack)}
              axis="share of the inputs that is answered"
              points={curve.map((point) => [point.coverage, point.accuracy] as const)}
            />
          ))}
        </section>
      </main>
    ),
  });
}
