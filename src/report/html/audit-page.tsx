import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { AuditReport } from '../../model-commands/audit-defense.ts';
import { Chart } from './chart.tsx';
import { documentHtml } from './document.tsx';

function figure(value: number | null): string {
  return value === null ? '' : formatNumber(value, 3);
}

/** Renders an audit as a self-contained page without scripts: verdict, checks, attacks, and accuracy by limit. */
export function auditPageHtml(report: AuditReport): string {
  const { model, inputs, clean, norm, epsilon, checks, notRun, attacks, curve, verdict, adaptive } = report;
  const { robust, claim, campaign } = report;
  const flagged = checks.filter((check) => check.flagged);
  return documentHtml({
    title: `Audit of ${model.path}`,
    header: (
      <>
        <p>
          Verdict: <strong>{verdict}</strong>. {plural(inputs, 'input')} within {norm === 'l2' ? 'L2' : 'L∞'}{' '}
          {formatNumber(epsilon, 4)}. Accuracy without an attack {formatNumber(clean, 3)}; robust accuracy at
          most {formatNumber(robust, 3)}
          {claim === null ? '' : `, claimed ${formatNumber(claim, 3)}`}. Findings: {escapeControl(campaign)}.
        </p>
        <p class="soft">The figures hold for these inputs, this limit and these attacks.</p>
      </>
    ),
    children: (
      <main>
        <section>
          <h2>Checks</h2>
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>check</th>
                  <th class="number">figure</th>
                  <th class="number">bar</th>
                  <th>flag</th>
                  <th>comparison</th>
                </tr>
              </thead>
              <tbody>
                {checks.map((check) => (
                  <tr key={check.name}>
                    <td class="word">{check.name}</td>
                    <td class="number">{figure(check.value)}</td>
                    <td class="number">{figure(check.bar)}</td>
                    <td class="word">{check.flagged ? 'flagged' : ''}</td>
                    <td>{check.help}</td>
                  </tr>
                ))}
                {notRun.map(({ name, why }) => (
                  <tr key={name}>
                    <td class="word">{name}</td>
                    <td class="number" />
                    <td class="number" />
                    <td class="word">not run</td>
                    <td>{escapeControl(why)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {flagged.map(({ name, advice }) => (
            <p key={name}>
              <strong>{name}</strong>: {advice}
            </p>
          ))}
          {adaptive === null ? null : (
            <p>
              The attack that suits this is <code>{adaptive.spec}</code>: accuracy{' '}
              {formatNumber(adaptive.accuracy, 3)}.
            </p>
          )}
        </section>
        <section>
          <h2>Attacks</h2>
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>attack</th>
                  <th class="number">accuracy</th>
                  <th class="number">median queries</th>
                  <th>settings</th>
                </tr>
              </thead>
              <tbody>
                {attacks.map(({ name, accuracy, queries, spec }) => (
                  <tr key={name}>
                    <td class="word">{name}</td>
                    <td class="number">{formatNumber(accuracy, 3)}</td>
                    <td class="number">{formatCount(queries)}</td>
                    <td>
                      <code>{spec}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
        <section>
          <h2>Accuracy by limit</h2>
          <Chart
            title="accuracy after PGD"
            axis="limit, in values of the input"
            points={curve.map((point) => [point.epsilon, point.accuracy] as const)}
          />
        </section>
      </main>
    ),
  });
}
