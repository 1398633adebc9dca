import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { ClassGap } from '../../objectives/class-gap.ts';
import type { Finding } from '../../storage/finding.ts';
import { differenceText } from '../difference-text.ts';
import type { ExplanationsView, OtherFindingView, OutputView, PlacesView } from '../view-model.ts';
import { Bars } from './chart.tsx';
import { Pictures } from './testcase.tsx';

/** By how much two models prefer their classes, as text. */
export function gapText({ reference, copy }: ClassGap): string {
  return `gap ${formatNumber(reference, 3)} and ${formatNumber(copy, 3)}`;
}

/** A value as text, with four digits if it is a number. */
export function shortNumber(value: unknown): string {
  return typeof value === 'number' ? formatNumber(value, 4) : String(value);
}

/** The largest values of an output in both runs. */
export function Output({ output: { output, indexLabel, sides } }: { readonly output: OutputView }) {
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
                  <th class="number">{indexLabel}</th>
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
                    <td class="number">{escapeControl(top[row]?.name ?? String(top[row]?.index ?? ''))}</td>
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

/** What is left of the fault after a change of the input. */
const OUTCOME_TEXTS: Readonly<Record<string, readonly [clipped: string, rounded: string]>> = {
  same: ['the fault stays', 'it still fails in the same way'],
  other: ['another fault takes its place', 'it fails in another way'],
  none: ['the fault disappears', 'it no longer fails'],
};

/** How realistic the input is. */
export function SeverityPart({ finding: { severity } }: { readonly finding: Finding }) {
  if (severity === undefined) return null;
  const { outsideSeeds, withinSeeds, in8Bit } = severity;
  const [clipped] = OUTCOME_TEXTS[withinSeeds] ?? [withinSeeds];
  const rounded = in8Bit === undefined ? undefined : (OUTCOME_TEXTS[in8Bit]?.[1] ?? in8Bit);
  return (
    <p>
      {outsideSeeds === 0
        ? 'All of its values lie within the range seen in the seeds.'
        : `${formatNumber(100 * outsideSeeds, 2)} % of its values lie outside the range seen in the seeds; clipped to that range, ${clipped}.`}
      {rounded === undefined ? '' : ` Rounded to 8-bit pixels, ${rounded}.`}
    </p>
  );
}

/** How many values the fault depends on. */
export function FreeValuesPart({ finding: { freeValues, objective } }: { readonly finding: Finding }) {
  if (freeValues === undefined) return null;
  const noun = objective === 'text' ? 'token' : 'value';
  const { free, needed, unknown, runs, stayed } = freeValues;
  const examined = free + needed;
  return (
    <p>
      {free === 0
        ? `The fault depends on each of the ${plural(examined, noun)} that ${examined === 1 ? 'was' : 'were'} examined.`
        : `${formatCount(free)} of ${plural(examined, noun)} may have any legal value without losing the fault: it stayed in ${formatCount(stayed)} of ${plural(runs, 'run')} with all of them drawn at random. The fault depends on the other ${formatCount(needed)}.`}
      {unknown === 0 ? '' : ` ${plural(unknown, noun)} ${unknown === 1 ? 'was' : 'were'} not examined.`}
    </p>
  );
}

/** Further findings of a fault. */
export function OtherFindings({
  others,
  total,
}: {
  readonly others: readonly OtherFindingView[];
  readonly total: number;
}) {
  return (
    <details>
      <summary>{plural(total - 1, 'more finding')} of this fault</summary>
      <ul>
        {others.map(({ path, distance, gap, status, minimized }) => (
          <li key={path}>
            <code>{escapeControl(path)}</code>: {minimized ? 'minimized: ' : ''}
            {differenceText(distance)}
            {gap === undefined ? '' : `; ${gapText(gap)}`}
            {status === 'confirmed' ? '' : `; ${status}`}
          </li>
        ))}
        {total - 1 > others.length ? <li>and {formatCount(total - 1 - others.length)} more</li> : null}
      </ul>
    </details>
  );
}

/** Where the model looked, by the methods whose maps depend on this very model. */
export function ExplanationsPart({ explanations }: { readonly explanations: ExplanationsView | undefined }) {
  if (explanations === undefined) return null;
  const { pictures, places, leftOut, readings = [] } = explanations;
  return (
    <>
      <h4>Where the model looked</h4>
      <Pictures pictures={pictures} />
      <div class="charts">
        {places.map((map) => (
          <PlacesMap key={map.label} map={map} />
        ))}
      </div>
      <p class="soft">
        {pictures.length + places.length === 0
          ? 'No method depends on this model, or gives a map.'
          : 'Red is for the class, blue against it.'}
        {leftOut.length === 0
          ? ''
          : ` Left out, since their maps hardly change or vary too much when half of the layers is random: ${leftOut.join(', ')}.`}
        {readings.length === 0
          ? ''
          : ` What the model reads, whatever the class, and although such maps hardly change either: ${readings.join(', ')}.`}
      </p>
    </>
  );
}

/** Bars of the strongest columns or tokens of an input, and the text of tokens with those marked that matter. */
function PlacesMap({ map: { label, tokens, strongest } }: { readonly map: PlacesView }) {
  return (
    <figure>
      <figcaption>{label}</figcaption>
      {tokens.length === 0 ? null : (
        <pre>
          {tokens.map(({ text, emphasis }, i) => (
            <Token key={i} text={escapeControl(text)} emphasis={emphasis} />
          ))}
        </pre>
      )}
      <Bars
        title={label}
        bars={strongest.map(({ name, value }) => ({
          label: escapeControl(name),
          value: Math.abs(value),
          shown: formatNumber(value, 3),
          low: value > 0,
        }))}
      />
    </figure>
  );
}

function Token({ text, emphasis }: PlacesView['tokens'][number]) {
  switch (emphasis) {
    case 'strong':
      return (
        <>
          <mark>
            <strong>{text}</strong>
          </mark>{' '}
        </>
      );
    case 'some':
      return (
        <>
          <mark>{text}</mark>{' '}
        </>
      );
    case 'little':
      return <>{text} </>;
  }
}
