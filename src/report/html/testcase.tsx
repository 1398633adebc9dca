import { escapeControl } from '../../core/escape-control.ts';
import { formatCount } from '../../core/format-number.ts';
import type { NumbersView, PictureView, TextView } from '../view-model.ts';

export function Picture({ picture, label }: { readonly picture: PictureView; readonly label: string }) {
  return <img src={picture.source} alt={label} width={picture.width} height={picture.height} />;
}

export function Pictures({
  pictures,
  kind = '',
}: {
  readonly pictures: readonly PictureView[];
  readonly kind?: string;
}) {
  if (pictures.length === 0) return null;
  return (
    <div class={`pictures ${kind}`}>
      {pictures.map((picture) => (
        <figure key={picture.label}>
          <Picture picture={picture} label={picture.label} />
          <figcaption>{picture.label}</figcaption>
        </figure>
      ))}
    </div>
  );
}

export function TextPart({ text: { label, before, marked, after } }: { readonly text: TextView }) {
  return (
    <>
      <h4>{label}</h4>
      <pre>
        {visibleLines(before)}
        {marked === '' ? null : <mark>{visibleLines(marked)}</mark>}
        {visibleLines(after)}
      </pre>
    </>
  );
}

/** Escapes control characters but line breaks. */
function visibleLines(text: string): string {
  return text.split('\n').map(escapeControl).join('\n');
}

export function Numbers({
  numbers: { input, values, changed, largest, strips },
}: {
  readonly numbers: NumbersView;
}) {
  const isPartial = largest.length < Math.max(changed, values);
  return (
    <>
      <h4>{escapeControl(input)}</h4>
      <Pictures pictures={strips} kind="strips" />
      <section class="scroll" tabindex={0} aria-label={`values of ${escapeControl(input)}`}>
        <table>
          <thead>
            <tr>
              <th class="number">place</th>
              <th class="number">seed</th>
              <th class="number">finding</th>
            </tr>
          </thead>
          <tbody>
            {largest.map(({ index, seed, now }) => (
              <tr key={index}>
                <td class="number">{index}</td>
                <td class="number">{seed}</td>
                <td class="number">{now}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {isPartial ? (
        <p class="soft">
          {changed} of {formatCount(values)} values differ from the seed's; those that differ most are shown
        </p>
      ) : null}
    </>
  );
}
