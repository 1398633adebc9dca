import { createHash } from 'node:crypto';
import { renderToString } from 'preact-render-to-string';
import { escapeControl, escapeControlInLines } from '../../core/escape-control.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import { isTie } from '../../objectives/objective.ts';
import type { KnownFault } from '../../triage/baseline.ts';
import { stateCounts } from '../state-counts.ts';
import type { CampaignView } from '../view-model.ts';
import { Campaign } from './campaign.tsx';
import { SCRIPT, STYLES } from './styles.ts';

/** Maximum number of faults in the overview. */
const MAX_ROWS = 200;

export interface PageData {
  readonly title: string;
  readonly campaigns: readonly CampaignView[];
  /** Faults of the baseline that were not found again. */
  readonly fixed: readonly KnownFault[];
  /** Further remarks, a line each. */
  readonly notes: readonly string[];
}

/** Renders a self-contained HTML page. Wherever a name stands in it, its control characters and marks of direction are escaped. */
export function pageHtml(data: PageData): string {
  return escapeControlInLines(`<!doctype html>\n${renderToString(<Page {...data} />)}\n`);
}

/** Forbids all external resources and all scripts but the bundled one. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  'img-src data:',
  "style-src 'unsafe-inline'",
  `script-src 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Inserts a text without escaping; for constants of this project only. */
const verbatim = (text: string) => ({ dangerouslySetInnerHTML: { __html: text } });

function Page({ title, campaigns, fixed, notes }: PageData) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={CONTENT_SECURITY_POLICY} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{escapeControl(title)}</title>
        <link rel="icon" href="data:," />
        <style {...verbatim(STYLES)} />
      </head>
      <body>
        <header>
          <h1>{escapeControl(title)}</h1>
          <Overview campaigns={campaigns} fixed={fixed} />
          {notes.map((note) => (
            <p key={note}>{escapeControl(note)}</p>
          ))}
        </header>
        <main>
          {campaigns.map((view, i) => (
            <Campaign key={view.folder} view={view} id={`campaign-${i + 1}`} />
          ))}
          {fixed.length === 0 ? null : (
            <section aria-labelledby="fixed-title">
              <h2 id="fixed-title">Fixed since</h2>
              <ul>
                {fixed.map(({ signature, summary }) => (
                  <li key={signature}>
                    <code>{escapeControl(signature)}</code> {escapeControl(summary)}
                  </li>
                ))}
              </ul>
            </section>
          )}
        </main>
        <footer class="soft">
          <p>Written by neurofuzz. This page is whole: it loads nothing.</p>
        </footer>
        <script {...verbatim(SCRIPT)} />
      </body>
    </html>
  );
}

function Overview({ campaigns, fixed }: Pick<PageData, 'campaigns' | 'fixed'>) {
  const faults = campaigns.flatMap((view, c) => [
    ...view.faults.map(({ fault }, f) => ({ view, c, fault, anchor: `campaign-${c + 1}-fault-${f + 1}` })),
    ...view.remainingFaults.map((fault) => ({ view, c, fault, anchor: `campaign-${c + 1}` })),
  ]);
  const rows = faults.slice(0, MAX_ROWS);
  const counts = stateCounts(
    faults.map(({ fault }) => fault),
    fixed,
  );
  const isCompared = counts !== undefined;
  return (
    <>
      <p>
        <strong>
          {plural(faults.filter(({ fault }) => !isTie(fault.signature)).length, 'fault')}
          {isCompared ? ` (${counts})` : ''}
        </strong>{' '}
        in {plural(campaigns.length, 'campaign')}
      </p>
      {faults.length === 0 ? null : (
        <section class="scroll" tabindex={0} aria-label="faults">
          <table>
            <thead>
              <tr>
                {isCompared ? <th>state</th> : null}
                <th>fault</th>
                <th>what</th>
                <th class="number">hits</th>
                {campaigns.length > 1 ? <th>campaign</th> : null}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ fault, view, c, anchor }) => (
                <tr key={`${c} ${fault.signature}`}>
                  {isCompared ? (
                    <td>
                      <span class={`badge ${isTie(fault.signature) ? 'flaky' : (fault.state ?? '')}`}>
                        {isTie(fault.signature) ? 'tie' : (fault.state ?? '')}
                      </span>
                    </td>
                  ) : null}
                  <td class="word">
                    <a href={`#${anchor}`}>{escapeControl(fault.signature)}</a>
                  </td>
                  <td class="word">{escapeControl(fault.summary)}</td>
                  <td class="number">{formatCount(fault.hits)}</td>
                  {campaigns.length > 1 ? (
                    <td class="word">
                      <a href={`#campaign-${c + 1}`}>{escapeControl(view.name)}</a>
                    </td>
                  ) : null}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {rows.length < faults.length ? <p>and {faults.length - rows.length} more below</p> : null}
    </>
  );
}
