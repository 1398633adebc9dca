import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { SetCoverage } from '../../evaluation/measure-coverage.ts';
import type { CoverageReport } from '../../model-commands/coverage.ts';
import { documentHtml } from './document.tsx';

const BAR_STYLES = `
td.number { white-space: nowrap; }
.bar { display: block; width: 100%; min-width: 6rem; height: .9rem; background: var(--sunk); border: 1px solid var(--line); border-radius: 3px; }
.bar span { display: block; height: 100%; background: var(--accent); border-radius: 2px; }`;

/** Renders the coverage of test sets as a self-contained page without scripts: a bar for each layer. */
export function coveragePageHtml({
  model,
  sets,
  reference,
  coverage,
  criteria,
  omitted,
}: CoverageReport): string {
  return documentHtml({
    title: `Coverage of ${model.path}`,
    styles: BAR_STYLES,
    header: (
      <>
        <p>
          {sets.map(({ name, inputs }) => `${name}: ${plural(inputs, 'input')}`).join('; ')}. Reference:{' '}
          {reference.isSeeds ? 'the seeds themselves' : plural(reference.inputs, 'input')}. Tensors:{' '}
          {escapeControl(coverage.why)}.
        </p>
        <p class="soft">Coverage says what a test set reaches, not how good the model is.</p>
      </>
    ),
    children: (
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
                  {layersOf(measured).map(({ tensor, neurons }, layer) => (
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
    ),
  });
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

/** The layers of a test set, where the criterion tells them apart: surprise has one number for all. */
function layersOf([first]: readonly SetCoverage[]): SetCoverage['layers'] {
  return first.layers.some(({ neurons }) => neurons > 1) ? first.layers : [];
}
