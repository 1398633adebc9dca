import { renderToString } from 'preact-render-to-string';
import { escapeControl, escapeControlInLines } from '../../core/escape-control.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { SetCoverage } from '../../evaluation/measure-coverage.ts';
import type { CoverageReport } from '../../model-commands/coverage.ts';
import { STYLES } from './styles.ts';

/** Renders the coverage of test sets as a self-contained page without scripts: a bar for each layer. */
export function coveragePageHtml(report: CoverageReport): string {
  return escapeControlInLines(`<!doctype html>\n${renderToString(<Page {...report} />)}\n`);
}

const CONTENT_SECURITY_POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const BAR_STYLES = `
td.number { white-space: nowrap; }
.bar { display: block; width: 100%; min-width: 6rem; height: .9rem; background: var(--sunk); border: 1px solid var(--line); border-radius: 3px; }
.bar span { display: block; height: 100%; background: var(--accent); border-radius: 2px; }`;

/** Inserts a text without escaping; for constants of this project only. */
const verbatim = (text: string) => ({ dangerouslySetInnerHTML: { __html: text } });

function Page({ model, sets, reference, coverage, criteria, omitted }: CoverageReport) {
  const title = `Coverage of ${model.path}`;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={CONTENT_SECURITY_POLICY} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{escapeControl(title)}</title>
        <link rel="icon" href="data:," />
        <style {...verbatim(STYLES + BAR_STYLES)} />
      </head>
      <body>
        <header>
          <h1>{escapeControl(title)}</h1>
          <p>
            {sets.map(({ name, inputs }) => `${name}: ${plural(inputs, 'input')}`).join('; ')}. Reference:{' '}
            {reference.isSeeds ? 'the seeds themselves' : plural(reference.inputs, 'input')}. Tensors:{' '}
            {escapeControl(coverage.why)}.
          </p>
          <p class="soft">Coverage says what a test set reaches, not how good the model is.</p>
        </header>
        <main>
          {criteria.map(({ criterion, help, sets: measured }) => (
            <section key={criterion}>
              <h2>{escapeControl(criterion)}</h2>
              <p class="soft">{escapeControl(help)}</p>
              <div class="scroll">
                <table>
                  <thead>
                    <tr>
                      <th>layer</th>
                      <th class="number">neurons</th>
                      {sets.map(({ name }) => (
                        <th key={name} colspan={2}>
                          {name}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {measured[0].layers.map(({ tensor, neurons }, layer) => (
                      <tr key={tensor}>
                        <td class="word">{escapeControl(tensor)}</td>
                        <td class="number">{formatCount(neurons)}</td>
                        <Cells of={measured.map(({ layers }) => layers[layer])} />
                      </tr>
                    ))}
                    <tr>
                      <td>all layers</td>
                      <td />
                      <Cells of={measured} />
                    </tr>
                  </tbody>
                </table>
              </div>
            </section>
          ))}
          {omitted.map(({ criterion, reason }) => (
            <p key={criterion}>{escapeControl(`Left out: ${criterion}: ${reason}`)}</p>
          ))}
        </main>
      </body>
    </html>
  );
}

/** A bar and a number for each test set; without a total, bars are relative to the largest of them. */
function Cells({ of }: { readonly of: readonly Pick<SetCoverage, 'covered' | 'total'>[] }) {
  const most = Math.max(...of.map(({ covered }) => covered), Number.MIN_VALUE);
  return (
    <>
      {of.flatMap(({ covered, total }, set) => {
        const share = Math.min(1, covered / (total === null ? most : Math.max(1, total)));
        return [
          <td key={`bar-${set}`} style="width:40%">
            <span class="bar" aria-hidden="true">
              <span style={`width:${(100 * share).toFixed(2)}%`} />
            </span>
          </td>,
          <td key={`text-${set}`} class="number">
            {total === null ? formatNumber(covered, 4) : `${formatNumber(100 * share, 3)} %`}
          </td>,
        ];
      })}
    </>
  );
}
