import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type {
  ProgramRow,
  ReprogramReport,
  TaskReport,
  UniversalReport,
} from '../../model-commands/reprogram/report.ts';
import { table } from './table.ts';

/** What `reprogram` prints. */
export function reprogramLines(report: ReprogramReport): string[] {
  return report.mode === 'universal' ? universalLines(report) : taskLines(report);
}

function universalLines(report: UniversalReport): string[] {
  const { model, test, programs, campaign, findings } = report;
  const isSmallest = programs.some(({ stealth }) => stealth !== undefined);
  return [
    `${model.path}: one change for all inputs ${howText(report)}, tested on ${formatCount(test)} others`,
    '',
    ...table([
      [
        'class',
        'success',
        'random change',
        'no change',
        'untrained copy',
        ...(isSmallest ? ['smallest change'] : []),
      ],
      ...programs.map(rowCells),
    ]),
    '',
    'success: share of test inputs of other classes that get the class',
    `programs and findings: ${campaign} (${plural(findings, 'finding')})`,
  ];
}

function howText({ place, values, epsilon, method, draws, train }: ReprogramReport): string {
  const change =
    epsilon === null
      ? `${plural(values, 'value')} replaced`
      : `${plural(values, 'value')} changed by at most ${formatNumber(epsilon, 4)}`;
  const runs = draws === 1 ? '' : `, ${draws} runs of each`;
  return `(${place}: ${change}), by ${method}; trained on ${plural(train, 'input')}${runs}`;
}

function rowCells({ to, success, control, stealth }: ProgramRow): string[] {
  const { random, none, untrained } = control;
  return [
    `${to}`,
    percent(success),
    percent(random),
    percent(none),
    percent(untrained),
    ...(stealth === undefined ? [] : [smallestText(stealth)]),
  ];
}

function smallestText({ values, epsilon, isReached }: NonNullable<ProgramRow['stealth']>): string {
  if (!isReached) return 'not reached';
  return epsilon === null ? plural(values, 'value') : `at most ${formatNumber(epsilon, 4)}`;
}

function taskLines(report: TaskReport): string[] {
  const { model, task, labels, test, accuracy, chance, control, excess, bits, isReprogrammable } = report;
  return [
    `${model.path}: another task, ${task} with ${plural(labels, 'label')} ${howText(report)}, tested on ${formatCount(test)} others`,
    '',
    ...table([
      ['', 'accuracy'],
      ['with the program', percent(accuracy)],
      ['untrained copy', percent(control.untrained)],
      ['random program', percent(control.random)],
      ['no program', percent(control.none)],
      ['chance', percent(chance)],
    ]),
    '',
    ...(excess === null
      ? ['without controls nothing is said about the model']
      : [
          `above the best control by ${points(excess.value)} (95 %: ${points(excess.low)} to ${points(excess.high)} points): ${isReprogrammable ? 'reprogrammable' : 'not shown to be reprogrammable'}`,
        ]),
    `bits of each answer: ${formatNumber(bits, 3)}`,
    `program: ${report.campaign}`,
  ];
}

function percent(share: number | null): string {
  return share === null ? '' : `${formatNumber(100 * share, 3)} %`;
}

function points(difference: number): string {
  return formatNumber(100 * difference, 3);
}
