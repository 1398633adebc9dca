import { createHash } from 'node:crypto';
import { renderToString } from 'preact-render-to-string';
import { escapeControl, escapeControlInLines } from '../../core/escape-control.ts';
import type { FailedCampaign } from '../fault-groups.ts';
import type { CampaignView, ReportedCampaign } from '../view-model.ts';
import { Campaign, Settings } from './campaign.tsx';
import { Overview } from './overview.tsx';
import { SCRIPT } from './script.ts';
import { STYLES } from './styles.ts';

export interface PageData {
  readonly title: string;
  readonly campaigns: readonly CampaignView[];
  /** The same campaigns, with their faults as listed in the overview. */
  readonly reported: readonly ReportedCampaign[];
  /** Campaigns that could not run, or ran too few mutants. */
  readonly failures: readonly FailedCampaign[];
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

function Page({ title, campaigns, reported, failures, notes }: PageData) {
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
          <Overview views={campaigns} campaigns={reported} failures={failures} />
          {notes.map((note) => (
            <p key={note}>{escapeControl(note)}</p>
          ))}
        </header>
        <main>
          {campaigns.map((view, i) => (
            <Campaign key={view.folder} view={view} id={`campaign-${i + 1}`} />
          ))}
          <section aria-labelledby="settings-title">
            <h2 id="settings-title">Settings</h2>
            {campaigns.map((view) => (
              <Settings key={view.folder} view={view} hasName={campaigns.length > 1} />
            ))}
          </section>
        </main>
        <footer class="soft">
          <p>Written by neurofuzz. Self-contained; no external resources.</p>
        </footer>
        <script {...verbatim(SCRIPT)} />
      </body>
    </html>
  );
}
