/**
 * Compares representations of activations for the nearest-neighbour index: what the default of `--measure` could be. Mutants to the first NaN
 * or infinity of three searches, and faults found where a network has one for each of its ten classes, by coverage alone. Prints a JSON
 * line for each campaign and one table, with A12 and p of the rank test against `norm`.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { line, median, withFolder } from './campaign.ts';
import { digitTargets, type Outcome, runWithin } from './experiments/digit-searches.ts';
import { tracked } from './progress.ts';
import { compareRanks } from './rank-test.ts';

const BASELINE = 'norm';

/** Specs of `--measure`; candidates that are no built-in criteria are modules beside this one. */
const CANDIDATES: readonly string[] = [
  BASELINE,
  'norm-values:weight=0.0063',
  'norm-values:weight=0.0126',
  'norm-values:weight=0.019',
  'values',
  'steps:steps=0.2',
  'steps:steps=1',
  'steps:steps=2',
  'direction:weight=0.1',
  'direction:weight=0.3',
  'log-direction:weight=0.003',
  'log-direction:weight=0.01',
  'projections:weight=0.01',
  'projections:weight=0.03',
  'largest',
  'spread',
  'spread:weight=0.01',
  'spread:weight=0.03',
];

const BUILT_IN = /^(norm|norm-values|values)(:|$)/;

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '8' },
    columns: { type: 'string', default: 'drawn,noise,mnist,several' },
    only: { type: 'string', default: CANDIDATES.join(' ') },
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    jobs: { type: 'string', default: '2' },
  },
});

/** A column of the table: a model, how its images are mutated, and what is compared. */
interface Column {
  readonly title: string;
  readonly model: string;
  readonly image?: string;
  readonly figure: 'first' | 'faults';
}

const COLUMNS: Readonly<Record<string, Column>> = {
  drawn: { title: 'drawn digits', model: 'nan', figure: 'first' },
  noise: { title: 'the same, Gaussian noise alone', model: 'nan', image: 'gaussian', figure: 'first' },
  mnist: { title: 'MNIST', model: 'mnist', figure: 'first' },
  several: { title: 'faults of ten', model: 'several', figure: 'faults' },
};

const specOf = (candidate: string): string =>
  BUILT_IN.test(candidate)
    ? candidate
    : candidate.replace(
        /^[^:]+/,
        (name) => new URL(`./representations/${name}.js`, import.meta.url).pathname,
      );

/** A cell: the median of mutants or the mean of faults, and the comparison with the baseline. */
function describe(outcomes: readonly Outcome[], baseline: readonly Outcome[], { figure }: Column): string {
  const figures = outcomes.map((outcome) => outcome[figure]);
  const text =
    figure === 'first'
      ? `${outcomes.filter(({ isFound }) => isFound).length * 2 > outcomes.length ? '' : '≥ '}${Math.round(median(figures)).toLocaleString('en-US')}`
      : (figures.reduce((sum, count) => sum + count, 0) / figures.length).toFixed(1);
  if (outcomes === baseline) return text;
  const others = baseline.map((outcome) => outcome[figure]);
  // Fewer mutants are better, and more faults.
  const { smaller, p } = figure === 'first' ? compareRanks(figures, others) : compareRanks(others, figures);
  return `${text} (${smaller.toFixed(2)}, ${p.toFixed(p < 0.01 ? 3 : 2)})`;
}

await withFolder(async (folder) => {
  const columns = options.columns.split(',').map((name) => {
    const column = COLUMNS[name];
    if (column === undefined) throw new Error(`no column ${name}: ${Object.keys(COLUMNS).join(', ')}`);
    return column;
  });
  const targets = await digitTargets(
    folder,
    columns.some(({ model }) => model === 'mnist') ? options : undefined,
  );
  const candidates = [...new Set([BASELINE, ...options.only.split(' ')])];
  const masters = Array.from({ length: Number(options.seeds) }, (_, i) => String(i + 1));
  const campaigns = masters.flatMap((seed) =>
    columns.flatMap((column) => candidates.map((candidate) => ({ seed, column, candidate }))),
  );
  const results = new Map(
    columns.map((column) => [
      column,
      new Map<string, Outcome[]>(candidates.map((candidate) => [candidate, []])),
    ]),
  );
  for (const { seed, column, candidate } of tracked('representations', 'campaign', campaigns)) {
    const target = targets.get(column.model);
    if (target === undefined) throw new Error(`no model ${column.model}`);
    const out = join(folder, 'campaign');
    const mutator = column.image === undefined ? { label: 'none' } : { image: column.image, label: 'none' };
    const outcome = await runWithin(
      {
        ...target.settings,
        mutator,
        guidance: 'ann',
        measure: specOf(candidate),
        execs: target.execs,
        seed,
        jobs: Number(options.jobs),
        out,
      },
      'mutants',
      0,
    );
    await rm(out, { recursive: true, force: true });
    results.get(column)?.get(candidate)?.push(outcome);
    line({ bench: 'representations', column: column.title, candidate, seed, ...outcome });
  }
  const rows = candidates.map((candidate) => [
    `\`${candidate}\``,
    ...columns.map((column) => {
      const ofColumn = results.get(column);
      return describe(ofColumn?.get(candidate) ?? [], ofColumn?.get(BASELINE) ?? [], column);
    }),
  ]);
  const header = ['criterion', ...columns.map(({ title }) => title)];
  const cells = [header, header.map(() => '---'), ...rows];
  process.stdout.write(`\n${cells.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`);
});
