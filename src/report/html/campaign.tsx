import { chanceText, type NewFaultChance } from '../../campaign/findings/new-fault-chance.ts';
import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, pluralNoun } from '../../core/format-number.ts';
import type { CampaignView, HistoryPoint, MutatorYield, SiteView } from '../view-model.ts';
import { Chart } from './chart.tsx';
import { FaultCard } from './fault.tsx';
import { SeedAccounts } from './seeds.tsx';

/** A campaign: its faults, then its settings and statistics. */
export function Campaign({ view, id }: { readonly view: CampaignView; readonly id: string }) {
  const { faults, statistics, gaps, name, folder, remainingFaults } = view;
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{escapeControl(name)}</h2>
      <p class="soft">
        {escapeControl(folder)}
        {statistics === undefined
          ? ''
          : `: ${formatCount(statistics.execs)} mutants in ${durationText(statistics.elapsedSeconds)}, corpus ${formatCount(statistics.corpus)}, ${formatCount(statistics.hits)} hits`}
        {view.began === null ? '' : `; ${dateText(view.began)} to ${dateText(view.ended ?? view.began)}`}
      </p>
      {faults.length === 0 ? <p>Nothing was found.</p> : null}
      {faults.map((fault, i) => (
        <FaultCard key={fault.fault.signature} view={fault} id={`${id}-fault-${i + 1}`} />
      ))}
      {remainingFaults.length === 0 ? null : (
        <>
          <h3>{remainingFaults.length} more faults</h3>
          <ul>
            {remainingFaults.map((fault) => (
              <li key={fault.signature}>
                <code>{escapeControl(fault.signature)}</code> {escapeControl(fault.summary)}:{' '}
                {formatCount(fault.hits)} hits, <code>{escapeControl(fault.path)}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      <CampaignFigures view={view} />
      {gaps.map((gap) => (
        <p key={gap} class="soft">
          {escapeControl(gap)}
        </p>
      ))}
    </section>
  );
}

/** The settings of a campaign and its figures: all that is shown of it but its faults. */
export function CampaignFigures({ view }: { readonly view: CampaignView }) {
  const { statistics, settings, history, mutators, sites } = view;
  return (
    <>
      {view.seedAccounts.map((account) => (
        <SeedAccounts key={account.objective} account={account} />
      ))}
      <h3>What was fuzzed, and how</h3>
      <section class="scroll" tabindex={0} aria-label="settings">
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
      <Charts history={history} seeds={statistics?.seeds ?? 0} />
      {view.newFaults === undefined ? null : <p>{newFaultText(view.newFaults)}</p>}
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
  return `Chance that the next mutant shows a new fault: ${chanceText(chance)}, below ${upper} with 95 % confidence. The last new fault lies ${formatCount(mutantsSinceLast)} mutants and ${durationText(secondsSinceLast)} back.`;
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
      <h3>How it went</h3>
      <div class="charts">
        <Chart title="testcases in the corpus" points={series(({ corpus }) => corpus, seeds)} />
        <Chart title="new testcases a thousand mutants" points={yields} />
        <Chart
          title="distance above which activations are new (squared)"
          points={series(({ threshold }) => threshold)}
          log
        />
        <Chart title="mutants a second" points={series(({ execsPerSecondNow }) => execsPerSecondNow)} />
        <Chart title="faults" points={series(({ faults }) => faults, 0)} />
        <Chart title="hits" points={series(({ hits }) => hits, 0)} />
      </div>
      <p class="soft">Coverage is how the search finds its way. It does not say how good a model is.</p>
    </>
  );
}

function Mutators({ mutators }: { readonly mutators: readonly MutatorYield[] }) {
  const used = mutators.filter(({ mutants }) => mutants > 0).sort((a, b) => b.entries - a.entries);
  if (used.length === 0) return null;
  return (
    <details>
      <summary>What each mutator brought</summary>
      <section class="scroll" tabindex={0} aria-label="what each mutator brought">
        <table>
          <thead>
            <tr>
              <th>mutator</th>
              <th class="number">mutants</th>
              <th class="number">new testcases</th>
              <th class="number">a thousand</th>
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

const STATUS_ORDER: Readonly<Record<string, number>> = { triggered: 0, open: 1, unreachable: 2 };

function Sites({ sites }: { readonly sites: readonly SiteView[] }) {
  if (sites.length === 0) return null;
  const sorted = [...sites].sort(
    (a, b) =>
      (STATUS_ORDER[a.status] ?? 3) - (STATUS_ORDER[b.status] ?? 3) ||
      (a.margin ?? Number.POSITIVE_INFINITY) - (b.margin ?? Number.POSITIVE_INFINITY),
  );
  return (
    <details>
      <summary>
        {sites.length} {pluralNoun(sites.length, 'operation')} that can go wrong by their arithmetic, and how
        near mutants came
      </summary>
      <section class="scroll" tabindex={0} aria-label="numerical sites">
        <table>
          <thead>
            <tr>
              <th>operation</th>
              <th>goes wrong where</th>
              <th>state</th>
              <th class="number">halvings away</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map(({ site, op, region, status, margin, method }) => (
              <tr key={site}>
                <td class="word">
                  <code>{escapeControl(site)}</code> {escapeControl(op)}
                </td>
                <td class="word">{escapeControl(region)}</td>
                <td>{escapeControl(method === undefined ? status : `${status} (${method})`)}</td>
                <td class="number">{margin === null ? '' : margin.toFixed(1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
