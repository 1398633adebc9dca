import type { ComponentChildren } from 'preact';
import { escapeControl } from '../../core/escape-control.ts';
import { formatNumber } from '../../core/format-number.ts';
import { Pictures, predictionLine, TextPart } from '../../report/html/testcase.tsx';
import type { FaultView } from '../../report/view-model.ts';
import type { CampaignStatus } from '../protocol.ts';
import { differenceText } from './finding-table.tsx';
import { formatRoute, type Selection } from './route.ts';
import { useFault } from './use-fault.ts';

/** Findings that are compared at most: each takes a column. */
const MAX_COLUMNS = 6;

/** Findings side by side, a column for each; rows that differ are marked. */
export function Comparison({
  selections,
  campaigns,
}: {
  readonly selections: readonly Selection[];
  readonly campaigns: readonly CampaignStatus[];
}) {
  const columns = selections.slice(0, MAX_COLUMNS);
  if (columns.length === 0) return <p>No finding is selected.</p>;
  return (
    <section aria-labelledby="comparison-title">
      <h2 id="comparison-title">Comparison of findings</h2>
      {columns.length === selections.length ? null : <p class="soft">The first {MAX_COLUMNS} are shown.</p>}
      <ComparedColumns key={JSON.stringify(columns)} selections={columns} campaigns={campaigns} />
    </section>
  );
}

/** The number of columns is that of the first call, since each fetches by a hook. */
function ComparedColumns({
  selections,
  campaigns,
}: {
  readonly selections: readonly Selection[];
  readonly campaigns: readonly CampaignStatus[];
}) {
  const fetched = selections.map((selection) => useFault({ ...selection }, ''));
  const error = fetched.find((column) => column.error !== undefined)?.error;
  if (error !== undefined) return <p class="warning">A finding cannot be shown: {escapeControl(error)}</p>;
  const views = fetched.flatMap(({ data }) => data?.view ?? []);
  if (views.length < selections.length) return <p class="soft">Loading…</p>;
  const columns = views.map((view, i) => ({
    view,
    selection: selections[i],
    campaign: campaigns.find(({ key }) => key === selections[i].campaign),
  }));
  return (
    <section class="scroll" tabindex={0} aria-label="findings side by side">
      <table class="compared" style={{ minWidth: `${8 + 13 * columns.length}rem` }}>
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">property</span>
            </th>
            {columns.map(({ selection }) => (
              <th key={JSON.stringify(selection)} scope="col">
                <a href={formatRoute({ kind: 'fault', ...selection })}>
                  {escapeControl(selection.signature)}
                </a>
                <br />
                <code>{escapeControl(selection.finding)}</code>
                <br />
                <a
                  class="remove"
                  href={formatRoute({
                    kind: 'compare',
                    selections: selections.filter((other) => other !== selection),
                  })}
                  aria-label={`remove ${escapeControl(selection.finding)}`}
                >
                  remove
                </a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ROWS.map(([name, read, show]) => {
            const texts = columns.map(read);
            if (texts.every((text) => text === '')) return null;
            const isDifferent = texts.some((text) => text !== texts[0]);
            return (
              <tr key={name} class={isDifferent ? 'differs' : ''}>
                <th scope="row">
                  {name}
                  {isDifferent ? <span class="hidden">, differs</span> : null}
                </th>
                {columns.map((column, i) => (
                  <td key={JSON.stringify(column.selection)} class="word">
                    {show === undefined ? escapeControl(texts[i]) : show(column.view)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

interface Column {
  readonly view: FaultView;
  readonly campaign: CampaignStatus | undefined;
}

/** A property: its name, its value as text by which columns are compared, and how it is shown where that is not the text. */
type Row = readonly [
  name: string,
  read: (column: Column) => string,
  show?: (view: FaultView) => ComponentChildren,
];

const ROWS: readonly Row[] = [
  ['campaign', ({ campaign }) => campaign?.name ?? ''],
  ['what happens', ({ view }) => view.finding.summary],
  [
    'pictures',
    ({ view }) => view.pictures.map(({ source }) => source).join(),
    ({ pictures }) => <Pictures pictures={pictures} />,
  ],
  ['predictions', ({ view }) => view.predictions.map(predictionLine).join('; ')],
  [
    'texts',
    ({ view }) => view.texts.map(({ pieces }) => pieces.map(({ text }) => text).join('')).join('\n'),
    ({ texts }) => texts.map((text) => <TextPart key={text.label} text={text} />),
  ],
  [
    'difference from the seed',
    ({ view: { finding } }) => differenceText({ edits: null, ...finding.distance }),
  ],
  [
    'reproduced',
    ({ view: { finding } }) =>
      `${finding.reproduced}${finding.status === 'confirmed' ? '' : `, ${finding.status}`}`,
  ],
  ['minimized', ({ view: { finding } }) => (finding.minimized === undefined ? 'no' : 'yes')],
  ['operation', ({ view: { finding } }) => originText(finding)],
  ['operands', ({ view: { finding } }) => operandsText(finding)],
  ['largest outputs', ({ view }) => view.outputs.map(outputText).join('; ')],
  ['changed values', ({ view }) => view.numbers.map(numbersText).join('; ')],
  ['generation', ({ view: { finding } }) => String(finding.generation)],
  ['mutators', ({ view: { finding } }) => finding.mutators.join(', ')],
  ['found at mutant', ({ view: { finding } }) => String(finding.execs)],
  ['seed', ({ view: { finding } }) => finding.ancestor],
  ['model', ({ view: { finding } }) => `${finding.model.path} on ${finding.model.runtime}`],
];

function originText({ origin }: FaultView['finding']): string {
  return origin === undefined ? '' : `${origin.operation} (${origin.kind}) gives ${origin.result}`;
}

function operandsText({ origin }: FaultView['finding']): string {
  return (origin?.operands ?? [])
    .map(({ tensor, value, range: [low, high] }) =>
      value === undefined
        ? `${tensor} from ${numberText(low)} to ${numberText(high)}`
        : `${tensor} = ${numberText(value)}`,
    )
    .join('; ');
}

function outputText({ output, sides }: FaultView['outputs'][number]): string {
  return sides
    .filter(({ top }) => top.length > 0)
    .map(
      ({ label, top: [{ index, value }] }) => `${output}, ${label}: class ${index} with ${numberText(value)}`,
    )
    .join('; ');
}

function numbersText({ input, largest }: FaultView['numbers'][number]): string {
  return `${input}: ${largest.map(({ index, seed, now }) => `[${index}] ${seed} → ${now}`).join(', ')}`;
}

function numberText(value: unknown): string {
  return typeof value === 'number' ? formatNumber(value, 4) : String(value);
}
