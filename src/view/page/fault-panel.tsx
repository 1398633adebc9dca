import { escapeControl } from '../../core/escape-control.ts';
import { FaultCard } from '../../report/html/fault.tsx';
import type { CampaignStatus, ViewState } from '../protocol.ts';
import type { Choice } from './choice.ts';
import { DecisionForm } from './decision-form.tsx';
import { findingOf } from './fault-list.tsx';
import { FindingTable } from './finding-table.tsx';
import { Jobs } from './jobs.tsx';
import type { LiveAction } from './live-state.ts';
import { ModelGraphPart } from './model-graph-part.tsx';
import { useFault } from './use-fault.ts';

/** One fault: what can be done with it, everything that the report says of it, and its findings. */
export function FaultPanel({
  view: { isReadOnly, jobs },
  campaign,
  signature,
  finding,
  dispatch,
  choice,
}: {
  readonly view: ViewState;
  readonly campaign: CampaignStatus;
  readonly signature: string;
  readonly finding: string | undefined;
  readonly dispatch: (action: LiveAction) => void;
  readonly choice: Choice;
}) {
  const row = campaign.faults.find((fault) => fault.signature === signature);
  const query = { campaign: campaign.key, signature, ...(finding === undefined ? {} : { finding }) };
  const version = `${row?.path} ${row?.findings} ${row?.flaky}`;
  const { data, error, isModelRunning } = useFault(query, version);
  if (row === undefined) return <p>This fault is not there any more.</p>;
  const shown = finding ?? findingOf(row.path);
  return (
    <section aria-labelledby="fault-title">
      <h2 id="fault-title">
        {finding === undefined ? 'Fault' : 'Finding'} in {escapeControl(campaign.name)}
      </h2>
      {isReadOnly ? null : (
        <Jobs
          target={{ campaign: campaign.key, signature, finding: shown }}
          isMinimized={data?.view.finding.minimized !== undefined}
          jobs={jobs.filter((job) => job.campaign === campaign.key && job.signature === signature)}
          dispatch={dispatch}
        />
      )}
      <DecisionForm
        key={`${campaign.key} ${signature}`}
        campaign={campaign}
        fault={row}
        isReadOnly={isReadOnly}
        dispatch={dispatch}
      />
      {error === undefined ? null : <p class="warning">{escapeControl(error)}</p>}
      {data === undefined ? (
        error === undefined ? (
          <p class="soft">Loading…</p>
        ) : null
      ) : (
        <>
          <FaultCard view={{ ...data.view, fault: row }} id="shown" />
          {isModelRunning ? <p class="soft">Running the model for its predictions…</p> : null}
          <ModelGraphPart campaign={campaign.key} signature={signature} finding={shown} />
          <FindingTable
            campaign={campaign.key}
            signature={signature}
            findings={data.findings}
            shown={shown}
            choice={choice}
          />
        </>
      )}
    </section>
  );
}
