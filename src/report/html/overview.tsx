import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import { isNoFault } from '../../objectives/objective.ts';
import type { KnownFault } from '../../triage/baseline.ts';
import {
  type FailedCampaign,
  type FaultGroups,
  failureText,
  groupFaults,
  headline,
  type InCampaign,
  stateText,
} from '../fault-groups.ts';
import { inputText, type ReportedFault } from '../reported-fault.ts';
import type { CampaignView, FaultView, ReportedCampaign } from '../view-model.ts';
import { FaultFilter, filterAttributes } from './fault-filter.tsx';
import { Pictures } from './testcase.tsx';

/** Maximum number of faults in the table, and of new faults with their input and replay command. */
const MAX_ROWS = 200;
const MAX_NEW_FAULTS = 20;

/** Maximum number of new faults whose pictures are shown here, beside those at the fault itself. */
const MAX_WITH_PICTURES = 5;

export interface OverviewData {
  readonly views: readonly CampaignView[];
  /** The same campaigns, in the same order. */
  readonly campaigns: readonly ReportedCampaign[];
  readonly failures: readonly FailedCampaign[];
}

/** A row of the table: a fault that was found has the folder of its campaign. */
type ListedFault = InCampaign<{ readonly signature: string; readonly campaigns?: readonly string[] }>;

/** Where the page shows a campaign or a fault. */
interface Places {
  readonly campaign: (fault: ListedFault) => string | undefined;
  readonly fault: (fault: ListedFault) => string | undefined;
  readonly view: (fault: ListedFault) => FaultView | undefined;
}

/** The top of the page: new faults, campaigns that failed, all faults, and the figures of each campaign of a night. */
export function Overview({ views, campaigns, failures }: OverviewData) {
  const groups = groupFaults(campaigns);
  const places = placesOf(views);
  return (
    <>
      <p>
        <strong>{headline(groups, failures)}</strong> in {plural(campaigns.length, 'campaign')}
      </p>
      {groups.isCompared ? <NewFaults faults={groups.fresh} places={places} /> : null}
      <Failures failures={failures} />
      <FaultTable groups={groups} places={places} hasCampaigns={campaigns.length > 1} />
      <Figures campaigns={campaigns} />
    </>
  );
}

/** Campaigns are found by their folders, since models of one name may be in several; fixed faults have the name alone. */
function placesOf(views: readonly CampaignView[]): Places {
  const indexOf = ({ campaign, campaigns }: ListedFault): number =>
    views.findIndex(({ folder, name }) =>
      campaigns === undefined ? name === campaign : campaigns.includes(folder),
    );
  const campaignPlace = (fault: ListedFault): string | undefined =>
    indexOf(fault) < 0 ? undefined : campaignAnchor(indexOf(fault));
  const faultIndex = (fault: ListedFault): number =>
    views[indexOf(fault)]?.faults.findIndex((view) => view.fault.signature === fault.signature) ?? -1;
  return {
    campaign: campaignPlace,
    fault: (fault) => {
      const index = faultIndex(fault);
      return index < 0 ? campaignPlace(fault) : `${campaignPlace(fault)}-fault-${index + 1}`;
    },
    view: (fault) => views[indexOf(fault)]?.faults[faultIndex(fault)],
  };
}

const campaignAnchor = (index: number): string => `campaign-${index + 1}`;

function Link({ to, text }: { readonly to: string | undefined; readonly text: string }) {
  return to === undefined ? <span>{escapeControl(text)}</span> : <a href={`#${to}`}>{escapeControl(text)}</a>;
}

function NewFaults({
  faults,
  places,
}: {
  readonly faults: readonly InCampaign<ReportedFault>[];
  readonly places: Places;
}) {
  if (faults.length === 0) return null;
  return (
    <section aria-labelledby="new-title">
      <h2 id="new-title">{plural(faults.length, 'new fault')}</h2>
      {faults.slice(0, MAX_NEW_FAULTS).map((fault, i) => (
        <div class="fault fresh" key={`${fault.campaign} ${fault.signature}`}>
          <div class="head">
            <h3>
              <Link to={places.fault(fault)} text={fault.signature} />
            </h3>
            <span class="badge new">{stateText(fault)}</span>
            <span class="soft">
              in <Link to={places.campaign(fault)} text={fault.campaign} />
            </span>
          </div>
          <p>
            <strong>{escapeControl(fault.summary)}</strong>
          </p>
          <p class="soft">
            {inputText(fault)}; {plural(fault.hits, 'hit')}
          </p>
          <div class="replay">
            <pre id={`new-${i + 1}-replay`}>{escapeControl(fault.replay)}</pre>
            <button
              type="button"
              data-copy={`new-${i + 1}-replay`}
              hidden
              aria-label={`copy the replay command of ${escapeControl(fault.signature)}`}
            >
              copy
            </button>
          </div>
          <p class="soft">
            <code>{escapeControl(fault.input)}</code>
          </p>
          {i < MAX_WITH_PICTURES ? <FaultPictures view={places.view(fault)} /> : null}
        </div>
      ))}
      {faults.length > MAX_NEW_FAULTS ? <p>and {faults.length - MAX_NEW_FAULTS} more below</p> : null}
    </section>
  );
}

function FaultPictures({ view }: { readonly view: FaultView | undefined }) {
  return view === undefined ? null : <Pictures pictures={view.pictures} predictions={view.predictions} />;
}

function Failures({ failures }: Pick<OverviewData, 'failures'>) {
  if (failures.length === 0) return null;
  return (
    <section aria-labelledby="failures-title">
      <h2 id="failures-title">Could not run</h2>
      <ul>
        {failures.map((failure) => (
          <li key={failure.name}>{escapeControl(failureText(failure))}</li>
        ))}
      </ul>
    </section>
  );
}

function FaultTable({
  groups: { isCompared, fresh, known, fixed, uncounted },
  places,
  hasCampaigns,
}: {
  readonly groups: FaultGroups;
  readonly places: Places;
  readonly hasCampaigns: boolean;
}) {
  const faults = [
    ...[...fresh, ...known].map((fault) => ({ ...fault, shown: stateText(fault) })),
    ...fixed.map((fault) => ({ ...fault, shown: 'fixed', hits: undefined })),
    ...uncounted.map((fault) => ({ ...fault, shown: stateText(fault) })),
  ];
  if (faults.length === 0) return null;
  const hasStates = faults.some(({ shown }) => shown !== '');
  return (
    <>
      {isCompared ? <h2>All faults</h2> : null}
      <FaultFilter faults={faults.slice(0, MAX_ROWS).map(filteredFault)} />
      <section class="scroll" tabindex={0} aria-label="faults">
        <table class="stacked">
          <thead>
            <tr>
              {hasStates ? <th>state</th> : null}
              <th>fault</th>
              <th>summary</th>
              <th class="number">hits</th>
              {hasCampaigns ? <th>campaign</th> : null}
            </tr>
          </thead>
          <tbody>
            {faults.slice(0, MAX_ROWS).map((fault) => (
              <tr
                key={`${fault.campaign} ${fault.signature} ${fault.shown}`}
                {...filterAttributes(filteredFault(fault))}
              >
                {hasStates ? (
                  <td>
                    {fault.shown === '' ? null : (
                      <span
                        class={`badge ${isNoFault(fault.signature) ? 'flaky' : fault.shown.replace(',', '')}`}
                      >
                        {fault.shown}
                      </span>
                    )}
                  </td>
                ) : null}
                <td class="word">
                  <Link
                    to={fault.shown === 'fixed' ? undefined : places.fault(fault)}
                    text={fault.signature}
                  />
                </td>
                <td class="word">{escapeControl(fault.summary)}</td>
                <td class="number" data-label="hits">
                  {fault.hits === undefined ? '' : formatCount(fault.hits)}
                </td>
                {hasCampaigns ? (
                  <td class="word" data-label="campaign">
                    <Link to={places.campaign(fault)} text={fault.campaign} />
                  </td>
                ) : null}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {faults.length > MAX_ROWS ? <p>and {faults.length - MAX_ROWS} more below</p> : null}
    </>
  );
}

/** What a row is filtered and sorted by; faults that were not found again have no counts. */
function filteredFault(fault: InCampaign<KnownFault> | InCampaign<ReportedFault>) {
  return 'findings' in fault ? { ...fault, found: fault } : fault;
}

/** What ran of each campaign in the night, beside its totals; nothing for campaigns that are no night's. */
function Figures({ campaigns }: Pick<OverviewData, 'campaigns'>) {
  if (campaigns.every(({ tonight }) => tonight === undefined)) return null;
  return (
    <>
      <h2>Campaigns</h2>
      <section class="scroll" tabindex={0} aria-label="campaigns">
        <table>
          <thead>
            <tr>
              <th>campaign</th>
              <th class="number">mutants tonight</th>
              <th class="number">in total</th>
              <th class="number">new</th>
              <th class="number">known</th>
            </tr>
          </thead>
          <tbody>
            {campaigns.map((campaign, i) => {
              const { fresh, known } = groupFaults([campaign]);
              return (
                <tr key={campaign.folder}>
                  <td class="word">
                    <Link to={campaignAnchor(i)} text={campaign.name} />
                  </td>
                  <td class="number">{formatCount(campaign.tonight?.execs ?? 0)}</td>
                  <td class="number">{formatCount(campaign.execs)}</td>
                  <td class="number">{fresh.length}</td>
                  <td class="number">{known.length}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </>
  );
}
