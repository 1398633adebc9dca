import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import { isNoFault } from '../../objectives/objective.ts';
import type { CampaignStatus } from '../protocol.ts';
import { formatRoute, type Route } from './route.ts';

/** With more campaigns than this the list is closed at first, so that the faults are in sight. */
const MAX_OPEN = 3;

/** The campaigns with their latest figures. */
export function CampaignList({
  campaigns,
  route,
}: {
  readonly campaigns: readonly CampaignStatus[];
  readonly route: Route;
}) {
  if (campaigns.length === 0)
    return <p>No campaign has begun yet. This page shows it as soon as one does.</p>;
  const shown = route.kind === 'campaign' ? route.campaign : undefined;
  return (
    <details class="campaigns" open={campaigns.length <= MAX_OPEN}>
      <summary>
        <h2>{campaigns.length === 1 ? 'Campaign' : `${campaigns.length} campaigns`}</h2>
      </summary>
      <ul class="cards">
        {campaigns.map((campaign) => (
          <li key={campaign.key}>
            <a
              class="card"
              href={formatRoute({ kind: 'campaign', campaign: campaign.key })}
              aria-current={shown === campaign.key ? 'page' : undefined}
            >
              <span class="name">
                <strong>{escapeControl(campaign.name)}</strong>
                {campaign.isRunning ? <span class="badge running">running</span> : null}
              </span>
              <span class="soft">{figuresText(campaign)}</span>
              {campaign.damage.length === 0 ? null : (
                <span class="warning">{plural(campaign.damage.length, 'file')} missing or damaged</span>
              )}
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}

function figuresText({ statistics, faults }: CampaignStatus): string {
  const count = faults.filter(({ signature }) => !isNoFault(signature)).length;
  if (statistics === null) return plural(count, 'fault');
  const { execs, execsPerSecond, corpus } = statistics;
  return `${formatCount(execs)} mutants, ${formatCount(Math.round(execsPerSecond))} per second, corpus ${formatCount(corpus)}, ${plural(count, 'fault')}`;
}
