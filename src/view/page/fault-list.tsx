import { useState } from 'preact/hooks';
import { escapeControl } from '../../core/escape-control.ts';
import { plural } from '../../core/format-number.ts';
import { isNoFault, isTie, noFaultName } from '../../objectives/objective.ts';
import { statusOf } from '../../triage/fault-status.ts';
import type { CampaignStatus, FaultRow } from '../protocol.ts';
import type { Choice } from './choice.ts';
import {
  type FaultFilter,
  type FaultOrder,
  filterFaults,
  type ListedFault,
  NO_FILTER,
  STATES,
} from './fault-filter.ts';
import { formatRoute, type Route, type Selection } from './route.ts';

/** Faults that are listed at first, and with each further click. */
const PAGE_SIZE = 100;

const ORDERS: readonly (readonly [FaultOrder, string])[] = [
  ['severity', 'severity'],
  ['hits', 'hits'],
  ['newest', 'first seen, newest first'],
  ['name', 'signature'],
];

/** The faults of all campaigns, filtered and sorted. */
export function FaultList({
  campaigns,
  route,
  choice,
}: {
  readonly campaigns: readonly CampaignStatus[];
  readonly route: Route;
  readonly choice: Choice;
}) {
  const [filter, setFilter] = useState(NO_FILTER);
  const [limit, setLimit] = useState(PAGE_SIZE);
  const total = campaigns.reduce((sum, { faults }) => sum + faults.length, 0);
  if (campaigns.length === 0) return null;
  const listed = filterFaults(campaigns, filter);
  return (
    <section aria-labelledby="faults-title">
      <h2 id="faults-title">Faults</h2>
      {total === 0 ? (
        <p>Nothing was found so far.</p>
      ) : (
        <Filters campaigns={campaigns} filter={filter} onChange={setFilter} />
      )}
      {total === 0 ? null : (
        <p class="soft" role="status">
          {listed.length === total ? countText(listed) : `${listed.length} of ${total} shown`}
        </p>
      )}
      <ul class="cards">
        {listed.slice(0, limit).map((item) => (
          <FaultItem
            key={`${item.campaign.key} ${item.fault.signature}`}
            item={item}
            isNamed={campaigns.length > 1}
            isShown={
              route.kind === 'fault' &&
              route.campaign === item.campaign.key &&
              route.signature === item.fault.signature
            }
            choice={choice}
          />
        ))}
      </ul>
      {listed.length <= limit ? null : (
        <button type="button" onClick={() => setLimit(limit + PAGE_SIZE)}>
          Show {Math.min(PAGE_SIZE, listed.length - limit)} more
        </button>
      )}
    </section>
  );
}

/** Ties, and wrong answers that judges do not find clear, are listed and are no faults. */
function countText(listed: readonly ListedFault[]): string {
  const ties = listed.filter(({ fault }) => isTie(fault.signature)).length;
  const others = listed.filter(({ fault }) => isNoFault(fault.signature)).length - ties;
  return [
    plural(listed.length - ties - others, 'fault'),
    ...(ties === 0 ? [] : [plural(ties, 'tie')]),
    ...(others === 0 ? [] : [`${others} not clear to all judges`]),
  ].join(', ');
}

function Filters({
  campaigns,
  filter,
  onChange,
}: {
  readonly campaigns: readonly CampaignStatus[];
  readonly filter: FaultFilter;
  readonly onChange: (filter: FaultFilter) => void;
}) {
  const objectives = [
    ...new Set(campaigns.flatMap(({ faults }) => faults.map(({ objective }) => objective))),
  ].sort();
  const set = (change: Partial<FaultFilter>): void => onChange({ ...filter, ...change });
  return (
    <form class="filters" aria-label="filter faults" onSubmit={(event) => event.preventDefault()}>
      <label class="wide">
        Search
        <input
          type="search"
          value={filter.text}
          placeholder="signature, summary or note"
          onInput={({ currentTarget }) => set({ text: currentTarget.value })}
        />
      </label>
      <Select
        label="Objective"
        value={filter.objective}
        options={[['', 'all'], ...objectives.map((name) => [name, escapeControl(name)] as const)]}
        onChange={(objective) => set({ objective })}
      />
      <Select
        label="State"
        value={filter.state}
        options={[['', 'all'], ...STATES.map((state) => [state, state] as const)]}
        onChange={(state) => set({ state: state as FaultFilter['state'] })}
      />
      {campaigns.length < 2 ? null : (
        <Select
          label="Campaign"
          value={filter.campaign}
          options={[['', 'all'], ...campaigns.map(({ key, name }) => [key, escapeControl(name)] as const)]}
          onChange={(campaign) => set({ campaign })}
        />
      )}
      <Select
        label="Sort by"
        value={filter.order}
        options={ORDERS}
        onChange={(order) => set({ order: order as FaultOrder })}
      />
    </form>
  );
}

/** A labelled list of options. */
export function Select({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
}) {
  return (
    <label>
      {label}
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function FaultItem({
  item: { campaign, fault },
  isNamed,
  isShown,
  choice,
}: {
  readonly item: ListedFault;
  readonly isNamed: boolean;
  readonly isShown: boolean;
  readonly choice: Choice;
}) {
  const { signature, summary, hits, path } = fault;
  const selection: Selection = { campaign: campaign.key, signature, finding: findingOf(path) };
  return (
    <li class="fault-item">
      <input
        type="checkbox"
        checked={choice.isSelected(selection)}
        onChange={() => choice.toggle(selection)}
        aria-label={`compare ${escapeControl(signature)}${isNamed ? ` of ${escapeControl(campaign.name)}` : ''}`}
      />
      <a
        class="card"
        href={formatRoute({ kind: 'fault', campaign: campaign.key, signature, finding: undefined })}
        aria-current={isShown ? 'page' : undefined}
      >
        <span class="name">
          <strong>{escapeControl(signature)}</strong>
          <StateBadge fault={fault} />
        </span>
        <span>{escapeControl(summary)}</span>
        <span class="soft">
          {plural(hits, 'hit')}
          {isNamed ? `, ${escapeControl(campaign.name)}` : ''}
        </span>
      </a>
    </li>
  );
}

/** The state of a fault, and how it reproduces where it does not alone. */
export function StateBadge({ fault }: { readonly fault: FaultRow }) {
  const noFault = noFaultName(fault.signature);
  if (noFault !== undefined) return <span class="badge flaky">{noFault}, not a fault</span>;
  const status = statusOf(fault);
  return (
    <>
      <span class={`badge ${fault.state}`}>{fault.state}</span>
      {status === 'confirmed' ? null : <span class="badge flaky">{status}</span>}
    </>
  );
}

/** The ID of a finding: the name of its folder. */
export function findingOf(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? '';
}
