import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { StrengthRow, TaskReport, UniversalReport } from '../../model-commands/reprogram/report.ts';
import type { ReprogramResult } from '../../model-commands/reprogram/reprogram.ts';
import type { TestedProgram } from '../../model-commands/reprogram/training.ts';
import { patternTile, sheetOf } from '../../model-commands/reprogram/write-programs.ts';
import { goalName } from '../../reprogram/goal.ts';
import { tilePng } from '../../saliency/sheet.ts';
import { Chart } from './chart.tsx';
import { documentHtml } from './document.tsx';

/** A program as pages show it; pictures are sources of images. */
interface ProgramView {
  readonly name: string;
  readonly pattern: string | undefined;
  readonly sheet: string | undefined;
  readonly strengths: readonly StrengthRow[];
}

/**
 * Renders programs as a self-contained page without scripts: figures, and for each program its pattern, inputs before and after, and
 * success by strength beside that of the control.
 */
export async function reprogramPageHtml({ report, programs, prepared }: ReprogramResult): Promise<string> {
  const views: ProgramView[] = [];
  for (const [i, program] of programs.entries())
    views.push({
      name: goalName(program.goal),
      ...(await picturesOf(program, prepared, report.seed)),
      strengths: report.mode === 'task' ? report.strengths : report.programs[i].strengths,
    });
  const { model, place, values, epsilon, method, train, test, campaign } = report;
  return documentHtml({
    title: `Reprogramming of ${model.path}`,
    header: (
      <>
        <p>
          {report.mode === 'task'
            ? `One program has the model do another task: ${escapeControl(report.task)}. `
            : 'One change for all inputs leads them to a class. '}
          {epsilon === null
            ? `${plural(values, 'value')} replaced`
            : `${plural(values, 'value')} changed by at most ${formatNumber(epsilon, 4)}`}{' '}
          ({place}), by {method}. Trained on {plural(train, 'input')}, tested on {formatCount(test)} others.
          Files: {escapeControl(campaign)}.
        </p>
        <p class="soft">The figures hold for these inputs, this place and this search.</p>
      </>
    ),
    children: (
      <main>
        {report.mode === 'task' ? <TaskTable report={report} /> : <ClassTable report={report} />}
        {views.map((view) => (
          <ProgramSection key={view.name} view={view} mode={report.mode} />
        ))}
      </main>
    ),
  });
}

async function picturesOf(
  program: TestedProgram,
  prepared: ReprogramResult['prepared'],
  seed: string,
): Promise<Pick<ProgramView, 'pattern' | 'sheet'>> {
  const tile = patternTile(program, prepared);
  const sheet = await sheetOf(program, prepared, seed);
  return {
    pattern: tile === undefined ? undefined : sourceOf(await tilePng(tile)),
    sheet: sheet === undefined ? undefined : sourceOf(sheet),
  };
}

function sourceOf(png: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

function percent(share: number | null): string {
  return share === null ? '' : `${formatNumber(100 * share, 3)} %`;
}

function ClassTable({ report }: { readonly report: UniversalReport }) {
  return (
    <section>
      <h2>Success</h2>
      <p class="soft">
        Share of the test inputs of other classes that get the class: with the change, with a random one as
        large, without one, and with a change that was trained for a copy with permuted weights, on that copy.
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>class</th>
              <th class="number">success</th>
              <th class="number">random change</th>
              <th class="number">no change</th>
              <th class="number">untrained copy</th>
              <th class="number">queries</th>
            </tr>
          </thead>
          <tbody>
            {report.programs.map(({ to, success, control, queries }) => (
              <tr key={to}>
                <td class="word">{to}</td>
                <td class="number">{percent(success)}</td>
                <td class="number">{percent(control.random)}</td>
                <td class="number">{percent(control.none)}</td>
                <td class="number">{percent(control.untrained)}</td>
                <td class="number">{formatCount(queries)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function TaskTable({ report }: { readonly report: TaskReport }) {
  const { accuracy, control, chance, excess, isReprogrammable, bits, map } = report;
  const rows: readonly (readonly [name: string, share: number | null])[] = [
    ['with the program', accuracy],
    ['untrained copy', control.untrained],
    ['random program', control.random],
    ['no program', control.none],
    ['chance', chance],
  ];
  return (
    <section>
      <h2>Accuracy</h2>
      {excess === null ? null : (
        <p>
          <strong>{isReprogrammable ? 'Reprogrammable' : 'Not shown to be reprogrammable'}</strong>: above the
          best control by {formatNumber(100 * excess.value, 3)} points (95 %:{' '}
          {formatNumber(100 * excess.low, 3)} to {formatNumber(100 * excess.high, 3)}). Each answer has{' '}
          {formatNumber(bits, 3)} bits.
        </p>
      )}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>accuracy</th>
              <th class="number">share</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, share]) => (
              <tr key={name}>
                <td class="word">{name}</td>
                <td class="number">{percent(share)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="soft">
        Classes by label: {map.map((classes, label) => `${label}: ${classes.join(', ')}`).join('; ')}.
      </p>
    </section>
  );
}

function ProgramSection({ view, mode }: { readonly view: ProgramView; readonly mode: 'universal' | 'task' }) {
  const { name, pattern, sheet, strengths } = view;
  const measure = mode === 'task' ? 'accuracy' : 'success';
  const axis = 'share of the change';
  const control = strengths.flatMap(({ strength, untrained }) =>
    untrained === null ? [] : [[strength, untrained] as const],
  );
  const title = mode === 'task' ? 'The program' : `Change for ${name}`;
  return (
    <section>
      <h2>{title}</h2>
      <div class="charts">
        <Chart
          title={`${measure}, the model`}
          axis={axis}
          points={strengths.map(({ strength, score }) => [strength, score] as const)}
        />
        <Chart title={`${measure}, the untrained copy with its own change`} axis={axis} points={control} />
      </div>
      {pattern === undefined ? null : (
        <figure>
          <figcaption>the pattern: red above the middle, blue below</figcaption>
          <img src={pattern} alt={`pattern for ${name}`} />
        </figure>
      )}
      {sheet === undefined ? null : (
        <figure>
          <figcaption>test inputs, and the same with the change</figcaption>
          <img src={sheet} alt={`test inputs before and after, for ${name}`} />
        </figure>
      )}
    </section>
  );
}
