import { closenessText } from '../../analysis/numerical-sites/closeness.ts';
import { chanceText, type NewFaultChance } from '../../campaign/findings/new-fault-chance.ts';
import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import { recallText } from '../../coverage/index/recall-sample.ts';
import type { CampaignView, HistoryPoint, MutatorYield, SiteView } from '../view-model.ts';
import { Chart } from './chart.tsx';
import { FaultCard } from './fault.tsx';
import { SeedAccounts } from './seeds.tsx';

/** A campaign: its faults, then its settings and statistics. */
export function Campaign({ view, id }: { readonly view: CampaignView; readonly id: string }) {
  const { faults, statistics, gaps, name, folder, remainingFaults } = view;
  return (
    <section id={id} aria-labelledby={`${id}-title`} data-campaign={name}>
      <h2 id={`${id}-title`}>{escapeControl(name)}</h2>
      <p class="soft">
        {escapeControl(folder)}
        {statistics === undefined
          ? ''
          : `: ${plural(statistics.execs, 'mutant')} in ${durationText(statistics.elapsedSeconds)}, ${plural(statistics.corpus, 'testcase')} in the corpus, ${plural(statistics.hits, 'hit')}`}
        {view.began === null ? '' : `; ${dateText(view.began)} to ${dateText(view.ended ?? view.began)}`}
      </p>
      {faults.length === 0 ? <p>No fault was found.</p> : null}
      {faults.map((fault, i) => (
        <FaultCard key={fault.fault.signature} view={fault} id={`${id}-fault-${i + 1}`} />
      ))}
      {remainingFaults.length === 0 ? null : (
        <>
          <h3>{plural(remainingFaults.length, 'more fault')}</h3>
          <ul>
            {remainingFaults.map((fault) => (
              <li key={fault.signature}>
                <code>{escapeControl(fault.signature)}</code> {escapeControl(fault.summary)}:{' '}
                {plural(fault.hits, 'hit')}, <code>{escapeControl(fault.path)}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      <Statistics view={view} />
      {gaps.map((gap) => (
        <p key={gap} class="soft">
          {escapeControl(gap)}
        </p>
      ))}
    </section>
  );
}

/** All that is shown of a campaign but its faults: its statistics, then its settings. */
export function CampaignFigures({ view }: { readonly view: CampaignView }) {
  return (
    <>
      <Statistics view={view} />
      <h3>Settings</h3>
      <Settings view={view} hasName={false} />
    </>
  );
}

/** The settings of a campaign. */
export function Settings({
  view: { name, settings },
  hasName,
}: {
  readonly view: CampaignView;
  readonly hasName: boolean;
}) {
  return (
    <>
      {hasName ? <h3>{escapeControl(name)}</h3> : null}
      <section class="scroll" tabindex={0} aria-label={`settings of ${escapeControl(name)}`}>
        <table>
          <tbody>
            {settings.map(([key, value]) => (
              <tr key={key}>
                <th scope="row">{escapeControl(key)}</th>
                <td class="word">{escapeControl(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

/** The seeds of a campaign by objective, its progress over time, and the yield of its mutators and sites. */
function Statistics({ view }: { readonly view: CampaignView }) {
  const { statistics, history, mutators, sites, seedAccounts, newFaults } = view;
  const recall = statistics?.indexRecall && recallText(statistics.indexRecall);
  return (
    <>
      {seedAccounts.map((account) => (
        <SeedAccounts key={account.objective} account={account} />
      ))}
      <Charts history={history} seeds={statistics?.seeds ?? 0} />
      {recall === undefined ? null : <p class="soft">{`${recall[0].toUpperCase()}${recall.slice(1)}.`}</p>}
      {newFaults === undefined ? null : <p>{newFaultText(newFaults)}</p>}
      <Mutators mutators={mutators} />
      <Sites sites={sites} />
    </>
  );
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** When to stop: how likely another fault is, and how long none has come. */
function newFaultText({ mutantsSinceLast, secondsSinceLast, upper95, ...chance }: NewFaultChance): string {
  const upper = chanceText({ chance: upper95, isUpperBound: false });
  return `Chance that the next mutant shows a new fault: ${chanceText(chance)}; with 95 % confidence, below ${upper}. The last new fault was found ${plural(mutantsSinceLast, 'mutant')} and ${durationText(secondsSinceLast)} ago.`;
}

function dateText(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

function Charts({ history, seeds }: { readonly history: readonly HistoryPoint[]; readonly seeds: number }) {
  if (history.length === 0) return null;
  const series = (read: (point: HistoryPoint) => number, start?: number): [number, number][] => {
    const points = history.map((point): [number, number] => [point.execs, read(point)]);
    return start === undefined ? points : [[0, start], ...points];
  };
  const yields = history.map(({ execs, corpus }, i): [number, number] => {
    const before = history[i - 1] ?? { execs: 0, corpus: seeds };
    return [execs, (1000 * (corpus - before.corpus)) / Math.max(1, execs - before.execs)];
  });
  return (
    <>
      <h3>Progress</h3>
      <div class="charts">
        <Chart title="Testcases in the corpus" points={series(({ corpus }) => corpus, seeds)} isCount />
        <Chart title="New testcases per 1,000 mutants" points={yields} />
        <Chart
          title="Coverage threshold (squared distance)"
          points={series(({ threshold }) => threshold)}
          log
        />
        <Chart title="Mutants per second" points={series(({ execsPerSecondNow }) => execsPerSecondNow)} />
        <Chart title="Faults" points={series(({ faults }) => faults, 0)} isCount />
        <Chart title="Hits" points={series(({ hits }) => hits, 0)} isCount />
      </div>
      <p class="soft">Coverage guides the search. It does not measure the quality of the model.</p>
    </>
  );
}

function Mutators({ mutators }: { readonly mutators: readonly MutatorYield[] }) {
  const used = mutators.filter(({ mutants }) => mutants > 0).sort((a, b) => b.entries - a.entries);
  if (used.length === 0) return null;
  return (
    <details>
      <summary>Yield of each mutator</summary>
      <section class="scroll" tabindex={0} aria-label="yield of each mutator">
        <table>
          <thead>
            <tr>
              <th>mutator</th>
              <th class="number">mutants</th>
              <th class="number">new testcases</th>
              <th class="number">per 1,000 mutants</th>
              <th class="number">faults</th>
            </tr>
          </thead>
          <tbody>
            {used.map(({ input, mutator, mutants, entries, signatures }) => (
              <tr key={`${input} ${mutator}`}>
                <td class="word">{escapeControl(`${input}: ${mutator}`)}</td>
                <td class="number">{formatCount(mutants)}</td>
                <td class="number">{formatCount(entries)}</td>
                <td class="number">{((1000 * entries) / mutants).toFixed(1)}</td>
                <td class="number">{signatures}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

const STATUSES: Readonly<Record<string, { readonly order: number; readonly text: string }>> = {
  triggered: { order: 0, text: 'failed' },
  open: { order: 1, text: 'not reached' },
  unreachable: { order: 2, text: 'proven safe' },
};

function Sites({ sites }: { readonly sites: readonly SiteView[] }) {
  if (sites.length === 0) return null;
  const orderOf = ({ status }: SiteView): number => STATUSES[status]?.order ?? 3;
  const sorted = [...sites].sort(
    (a, b) =>
      orderOf(a) - orderOf(b) ||
      (a.margin ?? Number.POSITIVE_INFINITY) - (b.margin ?? Number.POSITIVE_INFINITY),
  );
  const counts = Object.entries(STATUSES).map(
    ([status, { text }]) => `${sites.filter((site) => site.status === status).length} ${text}`,
  );
  return (
    <details>
      <summary>
        Numerical sites: {plural(sites.length, 'operation')}: {counts.join(', ')}
      </summary>
      <section class="scroll" tabindex={0} aria-label="numerical sites">
        <table>
          <thead>
            <tr>
              <th>operation</th>
              <th>fails if</th>
              <th>result</th>
              <th>closest run</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map(({ site, op, region, status, closest, method }) => (
              <tr key={site}>
                <td class="word">
                  <code>{escapeControl(site)}</code> {escapeControl(op)}
                </td>
                <td class="word">{escapeControl(region)}</td>
                <td>
                  {escapeControl(STATUSES[status]?.text ?? status)}
                  {method === undefined ? '' : escapeControl(` (${method})`)}
                </td>
                <td class="word">{closest === undefined ? '' : escapeControl(closenessText(closest))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
