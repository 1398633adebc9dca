import { escapeControl } from '../../core/escape-control.ts';
import type { FailedCampaign } from '../fault-groups.ts';
import type { CampaignView, ReportedCampaign } from '../view-model.ts';
import { Campaign, Settings } from './campaign.tsx';
import { documentHtml } from './document.tsx';
import { Overview } from './overview.tsx';
import { SCRIPT } from './script.ts';

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

/** Renders the report of campaigns. */
export function pageHtml({ title, campaigns, reported, failures, notes }: PageData): string {
  return documentHtml({
    title,
    script: SCRIPT,
    header: (
      <>
        <Overview views={campaigns} campaigns={reported} failures={failures} />
        {notes.map((note) => (
          <p key={note}>{escapeControl(note)}</p>
        ))}
      </>
    ),
    children: (
      <>
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
      </>
    ),
  });
}
