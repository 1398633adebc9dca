import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { ContestResult } from '../../model-commands/contest.ts';
import type { ConfidentMistake } from '../../model-commands/contest-mistakes.ts';
import { findingPictures } from '../pictures/images.ts';
import type { PictureView } from '../view-model.ts';
import { Chart } from './chart.tsx';
import { documentHtml } from './document.tsx';
import { Pictures } from './testcase.tsx';

/** Most bytes of a picture. */
const PICTURE_BYTES = 30_000;

interface MistakeView {
  readonly text: string;
  readonly pictures: readonly PictureView[];
}

/**
 * Renders a contest as a self-contained page without scripts: the table, accuracy by coverage for each attack, and the first
 * confident mistakes.
 */
export async function contestPageHtml({ report, mistakes }: ContestResult): Promise<string> {
  const views = await Promise.all(mistakes.map(viewOf));
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
        {views.length > 0 && (
          <section>
            <h2>Wrong and sure</h2>
            <p class="soft">The first confident mistakes, of one attack after the other.</p>
            {views.map(({ text, pictures }) => (
              <div key={text} class="mistake">
                <h3>{escapeControl(text)}</h3>
                <Pictures pictures={pictures} />
              </div>
            ))}
          </section>
        )}
      </main>
    ),
  });
}

async function viewOf({
  attack,
  seed,
  label,
  data,
  answer,
  picture,
}: ConfidentMistake): Promise<MistakeView> {
  const { predicted, confidence } = answer;
  const given = predicted < 0 ? 'NaN' : `class ${predicted}, confidence ${formatNumber(confidence, 4)}`;
  const testcases = { testcase: data, seed, transformed: undefined, roles: undefined };
  return {
    text: `${attack}: ${given}, for an input of class ${label}`,
    pictures: picture === undefined ? [] : await findingPictures(picture, testcases, PICTURE_BYTES),
  };
}
