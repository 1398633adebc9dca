import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import type { NumbersView, PictureView, PredictionView, TextPiece, TextView } from '../view-model.ts';

export function Picture({ picture, label }: { readonly picture: PictureView; readonly label: string }) {
  return <img src={picture.source} alt={label} width={picture.width} height={picture.height} />;
}

/** Pictures side by side, with what the model predicts for each testcase below it. */
export function Pictures({
  pictures,
  predictions = [],
  kind = '',
}: {
  readonly pictures: readonly PictureView[];
  readonly predictions?: readonly PredictionView[];
  readonly kind?: string;
}) {
  if (pictures.length === 0) return null;
  return (
    <div class={`pictures ${kind}`}>
      {pictures.map((picture) => (
        <figure key={picture.label}>
          <Picture picture={picture} label={picture.label} />
          <figcaption>
            {picture.label}
            {predictions
              .filter(({ of }) => of === picture.of)
              .map((prediction) => (
                <span class="prediction" key={prediction.model ?? ''}>
                  {modelText(prediction)}
                </span>
              ))}
          </figcaption>
        </figure>
      ))}
    </div>
  );
}

/** What the model predicts for the seed and the finding, where no pictures have it below them. */
export function Predictions({ predictions }: { readonly predictions: readonly PredictionView[] }) {
  if (predictions.length === 0) return null;
  return (
    <>
      <h4>Predictions</h4>
      <ul>
        {predictions.map((prediction) => (
          <li key={`${prediction.of} ${prediction.model}`}>{predictionLine(prediction)}</li>
        ))}
      </ul>
    </>
  );
}

const OF_TEXTS = { seed: 'seed', finding: 'finding', transformed: "after the objective's change" } as const;

/** A prediction with its testcase: `seed: class 7 (98.2 %)`. */
export function predictionLine(prediction: PredictionView): string {
  return `${OF_TEXTS[prediction.of]}: ${modelText(prediction)}`;
}

function modelText({ model, text }: PredictionView): string {
  return model === undefined ? text : `${model}: ${text}`;
}

export function TextPart({ text: { label, pieces } }: { readonly text: TextView }) {
  return (
    <>
      <h4>{label}</h4>
      <pre>
        {pieces.map((piece, i) => (
          <Piece key={i} piece={piece} />
        ))}
      </pre>
    </>
  );
}

/** A part of a text; edits are told by their elements and signs as well as by their colours. */
function Piece({ piece: { kind, text } }: { readonly piece: TextPiece }) {
  const shown = visibleLines(text);
  switch (kind) {
    case 'same':
      return <>{shown}</>;
    case 'marked':
      return <mark>{shown}</mark>;
    case 'inserted':
      return <ins>{shown}</ins>;
    case 'deleted':
      return <del>{shown}</del>;
    case 'free':
      return <s>{shown}</s>;
  }
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
  const hasRoles = largest.some(({ role }) => role !== undefined);
  return (
    <>
      <h4>{escapeControl(input)}</h4>
      <Pictures pictures={strips} kind="strips" />
      <section class="scroll" tabindex={0} aria-label={`values of ${escapeControl(input)}`}>
        <table>
          <thead>
            <tr>
              <th class="number">index</th>
              <th class="number">seed</th>
              <th class="number">finding</th>
              {hasRoles ? <th>fault depends on it</th> : null}
            </tr>
          </thead>
          <tbody>
            {largest.map(({ index, seed, now, role }) => (
              <tr key={index}>
                <td class="number">{index}</td>
                <td class="number">{seed}</td>
                <td class="number">{seed === now ? now : <strong>{now}</strong>}</td>
                {hasRoles ? <td>{role === undefined ? '' : ROLE_TEXTS[role]}</td> : null}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {isPartial ? (
        <p class="soft">
          {formatCount(changed)} of {plural(values, 'value')} {changed === 1 ? 'differs' : 'differ'} from the
          seed's; the largest differences are shown.
        </p>
      ) : null}
    </>
  );
}

const ROLE_TEXTS = { needed: 'yes', free: 'no: any value' } as const;
