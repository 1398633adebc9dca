import { escapeControl } from '../../core/escape-control.ts';
import { formatNumber, plural } from '../../core/format-number.ts';
import type { CheckReport, CheckResult, MethodRow } from '../../model-commands/saliency-check.ts';
import { geometryOfInput } from '../../saliency/explain.ts';
import type { Explanation } from '../../saliency/method.ts';
import { METRICS, type Metric } from '../../saliency/metrics.ts';
import { mapTile, pictureTile, type Tile, tilePng } from '../../saliency/sheet.ts';
import { documentHtml } from './document.tsx';

/** Inputs whose maps are shown, the first ones. */
const MAX_INPUTS = 3;

/** The maps of one input: a row for each method, a column for the model itself and each step. */
interface Figure {
  readonly index: number;
  readonly classIndex: number;
  /** Sources of images; undefined where there is no map. */
  readonly picture: string;
  readonly rows: readonly { readonly name: string; readonly tiles: readonly (string | undefined)[] }[];
}

/** Renders a check as a self-contained page without scripts: verdicts, similarities, and the maps of the first inputs. */
export async function saliencyPageHtml(result: CheckResult): Promise<string> {
  const { report } = result;
  const figures = await figuresOf(result);
  const metrics = METRICS.filter((metric) => report.methods.some(({ ceiling }) => ceiling[metric] !== null));
  return documentHtml({
    title: `Saliency check of ${report.model.path}`,
    header: (
      <>
        <p>
          Maps of {plural(report.inputs, 'input')} for the score of{' '}
          {report.class === null ? 'the predicted class' : `class ${report.class}`} in{' '}
          {escapeControl(report.scores)}, compared with those of {comparedText(report)}. A method fails above{' '}
          {formatNumber(report.most)} ({report.metric}).
        </p>
        <p class="soft">
          To depend on the model is not to be right: random layers near the output keep the features of those
          near the input.
        </p>
      </>
    ),
    children: (
      <main>
        {metrics.map((metric) => (
          <section key={metric}>
            <h2>Similarity: {metric}</h2>
            <SimilarityTable report={report} metric={metric} />
          </section>
        ))}
        {figures.map((figure) => (
          <section key={figure.index}>
            <h2>
              Input {figure.index}, class {figure.classIndex}
            </h2>
            <FigureTable figure={figure} columns={columnsOf(report)} />
          </section>
        ))}
      </main>
    ),
  });
}

function comparedText({ against, layers, order, randomise, repeats }: CheckReport): string {
  if (against !== null) return escapeControl(against);
  return `copies with random layers (${plural(layers.length, 'layer')}, ${order}, ${randomise}, ${plural(repeats, 'draw')})`;
}

function columnsOf({ layers, order, against }: CheckReport): string[] {
  return layers.map(({ name }, step) =>
    escapeControl(order === 'independent' || against !== null ? name : `${step + 1}: ${name}`),
  );
}

function SimilarityTable({ report, metric }: { readonly report: CheckReport; readonly metric: Metric }) {
  const { methods, layers, isLabelled, accuracy } = report;
  const isJudging = metric === report.metric;
  return (
    <section class="scroll" tabindex={0} aria-label={`similarity by ${metric}`}>
      <table>
        <thead>
          <tr>
            <th>method</th>
            <th class="number">itself</th>
            {columnsOf(report).map((column) => (
              <th class="number" key={column}>
                {column}
              </th>
            ))}
            {isJudging ? <th>verdict</th> : null}
          </tr>
        </thead>
        <tbody>
          <tr>
            <td>{isLabelled ? 'accuracy' : 'agreement'}</td>
            <td class="number">{accuracy.toFixed(2)}</td>
            {layers.map((layer) => (
              <td class="number" key={layer.name}>
                {layer.accuracy.toFixed(2)}
              </td>
            ))}
            {isJudging ? <td /> : null}
          </tr>
          {methods.map((method) => (
            <tr key={method.name}>
              <td class="word">{method.name}</td>
              <td class="number">{meanText(method.ceiling[metric])}</td>
              {method.steps.map((step, i) => (
                <td class="number" key={layers[i].name}>
                  {meanText(step[metric])}
                </td>
              ))}
              {isJudging ? <td>{verdictText(method)}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function meanText(figures: { readonly mean: number } | null): string {
  return figures === null ? '' : figures.mean.toFixed(2);
}

function verdictText({ verdict, isControl, judged }: MethodRow): string {
  const deviation = judged === null ? '' : ` (± ${judged.sd.toFixed(2)})`;
  return `${verdict}${deviation}${isControl ? ', a control' : ''}`;
}

function FigureTable({ figure, columns }: { readonly figure: Figure; readonly columns: readonly string[] }) {
  const { index, picture, rows } = figure;
  return (
    <section class="scroll" tabindex={0} aria-label={`maps of input ${index}`}>
      <table>
        <thead>
          <tr>
            <th>
              <img src={picture} alt={`input ${index}`} />
            </th>
            <th>itself</th>
            {columns.map((column) => (
              <th key={column}>{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, tiles }) => (
            <tr key={name}>
              <td class="word">{name}</td>
              {tiles.map((source, column) => (
                <td key={columns[column - 1] ?? 'itself'}>
                  {source === undefined ? (
                    'no map'
                  ) : (
                    <img src={source} alt={`${name}, column ${column + 1}`} />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

async function figuresOf({ prepared, original, firstDraws }: CheckResult): Promise<readonly Figure[]> {
  const { inputs, methods, context } = prepared;
  const { picture: imageFormat } = context.descriptor;
  if (imageFormat === undefined) return [];
  const figures: Figure[] = [];
  for (const [i, { index, classIndex, data }] of inputs.slice(0, MAX_INPUTS).entries()) {
    const { picture } = geometryOfInput(context, data);
    if (picture === undefined) continue;
    const tileOf = (explanation: Explanation): Tile =>
      'map' in explanation ? mapTile(explanation.map.signed, picture) : undefined;
    const rows: { name: string; tiles: (string | undefined)[] }[] = [];
    for (const name of methods) {
      const tiles = [original, ...firstDraws].map((explanations) => tileOf(explanations[name][i]));
      rows.push({ name, tiles: await Promise.all(tiles.map(sourceOf)) });
    }
    const shown = await sourceOf(pictureTile(context.position, imageFormat, data));
    figures.push({ index, classIndex, picture: shown ?? '', rows });
  }
  return figures;
}

async function sourceOf(tile: Tile): Promise<string | undefined> {
  if (tile === undefined) return undefined;
  return `data:image/png;base64,${Buffer.from(await tilePng(tile)).toString('base64')}`;
}
