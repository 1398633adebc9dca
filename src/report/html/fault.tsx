import { escapeControl } from '../../core/escape-control.ts';
import { plural } from '../../core/format-number.ts';
import { noFaultName } from '../../objectives/objective.ts';
import type { Finding } from '../../storage/finding.ts';
import { statusOf } from '../../triage/fault-status.ts';
import { differenceText } from '../difference-text.ts';
import type { FaultView } from '../view-model.ts';
import { Bars } from './chart.tsx';
import { filterAttributes } from './fault-filter.tsx';
import {
  ExplanationsPart,
  FreeValuesPart,
  gapText,
  OtherFindings,
  Output,
  SeverityPart,
  shortNumber,
} from './fault-parts.tsx';
import { GraphPicture } from './graph.tsx';
import { Numbers, Picture, Pictures, Predictions, TextPart } from './testcase.tsx';

/** Maximum number of layers in the comparison of two models. */
const MAX_LAYERS = 60;

/** A fault with its representative finding. */
export function FaultCard({ view, id }: { readonly view: FaultView; readonly id: string }) {
  const {
    fault,
    finding,
    pictures,
    numbers,
    predictions,
    texts,
    outputs,
    graphLocation,
    lineage,
    otherFindings,
    layerDivergence,
    gaps,
  } = view;
  return (
    <article class="fault" id={id} {...filterAttributes({ ...fault, found: fault })}>
      <div class="head">
        <h3>{escapeControl(fault.signature)}</h3>
        <State view={view} />
      </div>
      <p>
        <strong>{escapeControl(fault.summary)}</strong>
      </p>
      <p class="soft">{factsText(view)}</p>
      {fault.note === undefined ? null : <p>Note: {escapeControl(fault.note)}</p>}
      <div class="replay">
        <pre id={`${id}-replay`}>{escapeControl(view.replay)}</pre>
        <button
          type="button"
          data-copy={`${id}-replay`}
          hidden
          aria-label={`copy the replay command of ${escapeControl(fault.signature)}`}
        >
          copy
        </button>
      </div>
      <RepairPart fault={fault} />
      <Pictures pictures={pictures} predictions={predictions} />
      {pictures.length > 0 ? null : <Predictions predictions={predictions} />}
      <ExplanationsPart explanations={view.explanations} />
      {texts.map((text) => (
        <TextPart key={text.label} text={text} />
      ))}
      {numbers.map((input) => (
        <Numbers key={input.input} numbers={input} />
      ))}
      <FreeValuesPart finding={finding} />
      <SeverityPart finding={finding} />
      <Origin finding={finding} />
      <Judges finding={finding} />
      {graphLocation === undefined ? null : (
        <>
          <h4>Where it happens</h4>
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
          <summary>Difference of the two models, layer by layer</summary>
          <p class="soft">
            Signal-to-noise ratio of each layer of the second model, in decibels. Layers below{' '}
            {layerDivergence.bound} dB count as different
            {layerDivergence.first === null
              ? '; none does.'
              : `; the first is ${escapeControl(layerDivergence.first)}.`}
          </p>
          <Bars
            title="signal-to-noise ratio of each layer, in decibels"
            bars={layerDivergence.layers.slice(0, MAX_LAYERS).map(({ tensor, snr }) => ({
              label: escapeControl(tensor),
              value: snr === null ? 0 : Math.max(0, snr),
              shown: snr === null ? 'same' : `${snr.toFixed(0)} dB`,
              low: snr !== null && snr < layerDivergence.bound,
            }))}
          />
        </details>
      )}
      {lineage === undefined ? null : (
        <details>
          <summary>Lineage: from the seed to the findings</summary>
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
      {otherFindings.length === 0 ? null : <OtherFindings others={otherFindings} total={fault.findings} />}
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
  const noFault = noFaultName(fault.signature);
  if (noFault !== undefined)
    return <span class="badge flaky">{noFault === 'tie' ? 'a tie' : noFault}, no fault</span>;
  return (
    <>
      {fault.state === undefined ? null : <span class={`badge ${fault.state}`}>{fault.state}</span>}
      {status === 'confirmed' ? null : <span class="badge flaky">{status}</span>}
    </>
  );
}

/** What is known of a fault in one line. */
function factsText({ fault, finding }: FaultView): string {
  const { objective, hits, findings, minimized, reproduced, gap, firstSeen } = fault;
  const difference = differenceText(finding.distance);
  return [
    escapeControl(objective),
    `${plural(hits, 'hit')}, ${plural(findings - minimized, 'finding')} kept`,
    `reproduced ${escapeControl(reproduced)}`,
    finding.minimized === undefined ? difference : `minimized: ${difference}`,
    ...(gap === undefined ? [] : [gapText(gap)]),
    ...(firstSeen === null ? [] : [`first found ${firstSeen.slice(0, 10)}`]),
  ].join('; ');
}

/** The usual repair of the operation that fails, with its source. */
function RepairPart({ fault: { repair } }: Pick<FaultView, 'fault'>) {
  if (repair === undefined) return null;
  return (
    <p>
      <strong>Usual repair:</strong> {repair.text}
      {repair.source === undefined ? null : <span class="soft"> ({repair.source})</span>}
    </p>
  );
}

/** What the judges of the campaign say of a finding. */
function Judges({ finding: { judges } }: { readonly finding: Finding }) {
  if (judges === undefined) return null;
  return (
    <p>
      <strong>Judges:</strong>{' '}
      {judges
        .map(({ model, class: predicted, share, isSure }) =>
          predicted < 0
            ? `${escapeControl(model)} gives no class`
            : `${escapeControl(model)} says class ${predicted} with ${shortNumber(100 * share)} %, ${isSure ? 'sure' : 'not sure'} of the seed's class`,
        )
        .join('; ')}
    </p>
  );
}

/** The operation that fails, with its operands. */
function Origin({ finding: { origin } }: { readonly finding: Finding }) {
  if (origin === undefined) return null;
  return (
    <p>
      <code>{escapeControl(origin.operation)}</code> ({escapeControl(origin.kind)}) gives {origin.result} for{' '}
      {origin.operands.map(({ tensor, value, range: [low, high] }, i) => (
        <>
          {i === 0 ? '' : i === origin.operands.length - 1 ? ' and ' : ', '}
          <code>{escapeControl(tensor)}</code>
          {value === undefined ? '' : ` = ${shortNumber(value)}`} (all values: {shortNumber(low)} to{' '}
          {shortNumber(high)})
        </>
      ))}
      .
    </p>
  );
}
