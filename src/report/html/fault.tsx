import type { Distance } from '../../constraints/distance.ts';
import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, formatNumber, plural, pluralNoun } from '../../core/format-number.ts';
import type { ClassGap } from '../../objectives/class-gap.ts';
import { isTie } from '../../objectives/objective.ts';
import type { Finding } from '../../storage/finding.ts';
import { statusOf } from '../../triage/fault-status.ts';
import type { FaultView, OtherFindingView, OutputView } from '../view-model.ts';
import { Bars } from './chart.tsx';
import { GraphPicture } from './graph.tsx';
import { Numbers, Picture, Pictures, TextPart } from './testcase.tsx';

/** Maximum number of layers in the comparison of two models. */
const MAX_LAYERS = 60;

/** A fault with its representative finding. */
export function FaultCard({ view, id }: { readonly view: FaultView; readonly id: string }) {
  const {
    fault,
    finding,
    pictures,
    numbers,
    texts,
    outputs,
    graphLocation,
    lineage,
    otherFindings,
    layerDivergence,
    gaps,
  } = view;
  return (
    <article class="fault" id={id}>
      <div class="head">
        <h3>{escapeControl(fault.signature)}</h3>
        <State view={view} />
      </div>
      <p>
        <strong>{escapeControl(fault.summary)}</strong>
      </p>
      <p class="soft">
        {escapeControl(fault.objective)}; {plural(fault.hits, 'hit')}, {fault.findings} kept; came up again{' '}
        {escapeControl(fault.reproduced)}; {distanceText(finding.distance)} from its seed
        {finding.minimized === undefined ? '' : ', made smaller'}
        {fault.gap === undefined ? '' : `; ${gapText(fault.gap)}`}
        {fault.firstSeen === null ? '' : `; first seen ${fault.firstSeen.slice(0, 10)}`}
      </p>
      {fault.note === undefined ? null : <p>Note: {escapeControl(fault.note)}</p>}
      <div class="replay">
        <pre id={`${id}-replay`}>{escapeControl(view.replay)}</pre>
        <button
          type="button"
          data-copy={`${id}-replay`}
          hidden
          aria-label={`copy the replay line of ${escapeControl(fault.signature)}`}
        >
          copy
        </button>
      </div>
      <Pictures pictures={pictures} />
      {texts.map((text) => (
        <TextPart key={text.label} text={text} />
      ))}
      {numbers.map((input) => (
        <Numbers key={input.input} numbers={input} />
      ))}
      <Origin finding={finding} />
      {graphLocation === undefined ? null : (
        <>
          <h4>Where it goes wrong</h4>
          <GraphPicture
            graph={graphLocation}
            title={`operations around ${finding.origin?.operation ?? ''}`}
            id={`${id}-place`}
          />
        </>
      )}
      {outputs.map((output) => (
        <Output key={output.output} output={output} />
      ))}
      {layerDivergence === undefined || layerDivergence.layers.length === 0 ? null : (
        <details>
          <summary>How far both models differ, layer by layer</summary>
          <p class="soft">
            Decibels of signal over difference; below {layerDivergence.bound} dB a layer has departed
            {layerDivergence.first === null
              ? ': none has'
              : `: ${escapeControl(layerDivergence.first)} is the first`}
          </p>
          <Bars
            title="signal over difference of each layer, in decibels"
            bars={layerDivergence.layers.slice(0, MAX_LAYERS).map(({ tensor, snr }) => ({
              label: escapeControl(tensor),
              value: snr === null ? 0 : Math.max(0, snr),
              shown: snr === null ? 'same' : `${snr.toFixed(0)} dB`,
              low: snr !== null && snr < layerDivergence.bound,
            }))}
          />
        </details>
      )}
      <SeverityPart finding={finding} />
      {lineage === undefined ? null : (
        <details>
          <summary>Family tree, from the seed to the findings</summary>
          <GraphPicture
            graph={lineage.tree}
            title="how the findings descend from their seeds"
            id={`${id}-tree`}
          />
          <ol class="pictures steps" style="list-style:none;padding:0">
            {lineage.steps.map(({ id: step, mutators, picture }) => (
              <li key={step}>
                <figure>
                  {picture === undefined ? null : <Picture picture={picture} label={`testcase ${step}`} />}
                  <figcaption>
                    <code>{step.slice(0, 8)}</code> {mutators.length === 0 ? 'seed' : mutatorCounts(mutators)}
                  </figcaption>
                </figure>
              </li>
            ))}
          </ol>
        </details>
      )}
      {otherFindings.length === 0 ? null : <Others others={otherFindings} total={fault.findings} />}
      {gaps.map((gap) => (
        <p key={gap} class="soft">
          {escapeControl(gap)}
        </p>
      ))}
    </article>
  );
}

/** The mutators of a testcase with their number of applications. */
function mutatorCounts(mutators: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of mutators) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .map(([name, count]) => `${escapeControl(name)}${count === 1 ? '' : ` × ${count}`}`)
    .join(', ');
}

function State({ view: { fault } }: { readonly view: FaultView }) {
  const status = statusOf(fault);
  if (isTie(fault.signature)) return <span class="badge flaky">a tie, no fault</span>;
  return (
    <>
      {fault.state === undefined ? null : <span class={`badge ${fault.state}`}>{fault.state}</span>}
      {status === 'confirmed' ? null : <span class="badge flaky">{status}</span>}
    </>
  );
}

/** By how much two models prefer their classes, as text. */
function gapText({ reference, copy }: ClassGap): string {
  return `gap ${formatNumber(reference, 3)} and ${formatNumber(copy, 3)}`;
}

/** A testcase's distance from its seed, as text. */
function distanceText({ edits, l0, linf }: Distance): string {
  if (edits !== undefined) return plural(edits, 'edit');
  return `${plural(l0, 'value')} by up to ${formatNumber(linf, 3)}`;
}

function Origin({ finding: { origin } }: { readonly finding: Finding }) {
  if (origin === undefined) return null;
  return (
    <p>
      <code>{escapeControl(origin.operation)}</code> ({escapeControl(origin.kind)}) makes {origin.result} out
      of{' '}
      {origin.operands.map(({ tensor, value, range: [low, high] }, i) => (
        <>
          {i === 0 ? '' : ', '}
          <code>{escapeControl(tensor)}</code>
          {value === undefined ? '' : ` = ${shortNumber(value)}`} (from {shortNumber(low)} to{' '}
          {shortNumber(high)})
        </>
      ))}
    </p>
  );
}

function shortNumber(value: unknown): string {
  return typeof value === 'number' ? formatNumber(value, 4) : String(value);
}

function Output({ output: { output, sides } }: { readonly output: OutputView }) {
  const rows = Math.max(...sides.map(({ top }) => top.length));
  if (rows === 0) return null;
  return (
    <>
      <h4>Largest values of {escapeControl(output)}</h4>
      <section
        class="scroll"
        tabindex={0}
        aria-label={`largest values of ${escapeControl(output)} in both runs`}
      >
        <table>
          <thead>
            <tr>
              {sides.map(({ label }) => (
                <>
                  <th class="number">place</th>
                  <th class="number">{label}</th>
                </>
              ))}
            </tr>
          </thead>
          <tbody>
            {Array.from({ length: rows }, (_, row) => (
              <tr key={sides.map(({ top }) => top[row]?.index).join()}>
                {sides.map(({ top }) => (
                  <>
                    <td class="number">{top[row]?.index ?? ''}</td>
                    <td class="number">{shortNumber(top[row]?.value ?? '')}</td>
                  </>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

const OUTCOME_TEXTS: Readonly<Record<string, string>> = {
  same: 'the same fault is left',
  other: 'another fault is left',
  none: 'nothing is left of it',
};

function SeverityPart({ finding: { severity } }: { readonly finding: Finding }) {
  if (severity === undefined) return null;
  const { outsideSeeds, withinSeeds, in8Bit } = severity;
  const outcomeText = (outcome: string): string => OUTCOME_TEXTS[outcome] ?? outcome;
  return (
    <p class="soft">
      {outsideSeeds === 0
        ? 'All of its values lie within what the seeds span. '
        : `${Number((100 * outsideSeeds).toPrecision(2))} % of its values lie outside what the seeds span; brought into that, ${outcomeText(withinSeeds)}. `}
      {in8Bit === undefined ? '' : `As 8-bit levels, ${outcomeText(in8Bit)}.`}
    </p>
  );
}

function Others({ others, total }: { readonly others: readonly OtherFindingView[]; readonly total: number }) {
  return (
    <details>
      <summary>
        {total - 1} other {pluralNoun(total - 1, 'finding')} of it
      </summary>
      <ul>
        {others.map(({ path, distance, gap, status, minimized }) => (
          <li key={path}>
            <code>{escapeControl(path)}</code> {distanceText(distance)}
            {gap === undefined ? '' : `, ${gapText(gap)}`}
            {minimized ? ', made smaller' : ''}
            {status === 'confirmed' ? '' : `, ${status}`}
          </li>
        ))}
        {total - 1 > others.length ? <li>and {formatCount(total - 1 - others.length)} more</li> : null}
      </ul>
    </details>
  );
}
