import { escapeControl } from '../../core/escape-control.ts';
import { CampaignFigures } from '../../report/html/campaign.tsx';
import type { CampaignView } from '../../report/view-model.ts';
import type { CampaignStatus } from '../protocol.ts';
import { useFetched } from './use-fetched.ts';

/** The settings and figures of a campaign. */
export function CampaignPanel({ campaign }: { readonly campaign: CampaignStatus }) {
  const { key, name, folder, isRunning, statistics, damage, missing, baseline } = campaign;
  const version = `${statistics?.execs} ${statistics?.elapsedSeconds} ${isRunning}`;
  const { data, error } = useFetched<CampaignView>('campaign', { campaign: key }, version);
  return (
    <section aria-labelledby="campaign-title">
      <div class="head">
        <h2 id="campaign-title">{escapeControl(name)}</h2>
        {isRunning ? <span class="badge running">running</span> : null}
      </div>
      <p class="soft">
        <code>{escapeControl(folder)}</code>
        {baseline === null ? null : (
          <>
            , states and notes in <code>{escapeControl(baseline)}</code>
          </>
        )}
      </p>
      {damage.map((line) => (
        <p key={line} class="warning">
          {escapeControl(line)}
        </p>
      ))}
      {missing.length === 0 ? null : (
        <>
          <h3>In the baseline and not found</h3>
          <ul>
            {missing.map(({ signature, summary, state = 'known', note }) => (
              <li key={signature}>
                <span class={`badge ${state}`}>{state}</span> <code>{escapeControl(signature)}</code>{' '}
                {escapeControl(summary)}
                {note === undefined ? '' : `. Note: ${escapeControl(note)}`}
              </li>
            ))}
          </ul>
        </>
      )}
      {error === undefined ? null : <p class="warning">{escapeControl(error)}</p>}
      {data === undefined ? (
        error === undefined ? (
          <p class="soft">Loading…</p>
        ) : null
      ) : (
        <CampaignFigures view={data} />
      )}
    </section>
  );
}
