/**
 * Compares coverage criteria, or with `--schedulers` schedulers, on equal budgets of mutants and of CPU time (or of wall-clock time):
 * mutants to the first fault and faults found on the bundled digit networks, with several master seeds, and rank tests against the random
 * control and against `norm`. Prints a JSON line for each campaign, and a table for each model and budget.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CRITERIA, usesReference } from '../src/coverage/registry.ts';
import { SCHEDULERS } from '../src/schedulers/registry.ts';
import { line, median, withFolder } from './campaign.ts';
import {
  type Budget,
  digitTargets,
  type Outcome,
  runWithin,
  type Target,
} from './experiments/digit-searches.ts';
import { tracked } from './progress.ts';
import { compareRanks } from './rank-test.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    models: { type: 'string', default: 'nan,int8,misclassified' },
    budgets: { type: 'string', default: 'mutants,cpu' },
    /** Seconds of a campaign from its first mutant on, by `cpu` of all its processes or by `wall` clock. */
    seconds: { type: 'string', default: '2' },
    /** Mutants of a campaign are those of its model times this. */
    scale: { type: 'string', default: '1' },
    /** Only these searches, by name or by the spec of a criterion or scheduler; the control and `norm` always run. */
    only: { type: 'string' },
    schedulers: { type: 'boolean', default: false },
    /** Mutator of the images; those of their kind by default. */
    mutator: { type: 'string' },
    /** Folder with MNIST, for the model `mnist`. */
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    jobs: { type: 'string', default: '2' },
  },
});

/** A search by its name, with what it changes in the settings. */
type Searches = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

const CONTROL = 'control';
const BASELINE = options.schedulers ? 'yield' : 'norm';

/** A criterion alone, of sets and covariances on all layers; or a scheduler in a search by `norm` alone. */
function searchBy(spec: string): Readonly<Record<string, unknown>> {
  if (options.schedulers) {
    SCHEDULERS.check(spec);
    return { guidance: 'ann', measure: 'norm', scheduler: spec };
  }
  const { feedback = 'distance' } = CRITERIA.resolveBuiltIn(spec).kind;
  return { guidance: 'ann', measure: spec, coverage: [feedback === 'distance' ? 'auto' : 'layers'] };
}

/** The reference of a model, where the search's criterion compares with one. */
function referenceOf({ measure }: Readonly<Record<string, unknown>>, { reference }: Target): object {
  const isUsed = typeof measure === 'string' && usesReference(measure) === true && measure !== 'nlc';
  return isUsed && reference !== undefined ? { coverageReference: [reference] } : {};
}

/** The searches that are compared: every criterion or scheduler, the default search with gradients, and random search. */
function selectSearches(): Searches {
  const others = new Map<string, Readonly<Record<string, unknown>>>([
    ...(options.schedulers ? [] : [['gradients', {}] as const]),
    [CONTROL, { guidance: 'none' }],
  ]);
  // The networks have no attention.
  const all = (options.schedulers ? SCHEDULERS : CRITERIA).names().filter((name) => name !== 'attention');
  const names =
    options.only === undefined ? [...all, ...others.keys()] : [BASELINE, ...options.only.split(','), CONTROL];
  return new Map([...new Set(names)].map((name) => [name, others.get(name) ?? searchBy(name)]));
}

/** The table of a model and a budget, in Markdown. */
function describe(results: ReadonlyMap<string, readonly Outcome[]>, budget: Budget): string[] {
  const firstsOf = (name: string): number[] => (results.get(name) ?? []).map(({ first }) => first);
  const number = (value: number): string =>
    budget === 'mutants' ? Math.round(value).toLocaleString('en-US') : value.toFixed(2);
  const against = (name: string, other: string): string[] => {
    if (name === other) return ['', ''];
    const { p, smaller } = compareRanks(firstsOf(name), firstsOf(other));
    return [smaller.toFixed(2), p.toFixed(3)];
  };
  // More faults are better.
  const faultsAgainst = (name: string, other: string): string[] => {
    if (name === other) return ['', ''];
    const faultCounts = (search: string): number[] => (results.get(search) ?? []).map(({ faults }) => faults);
    const { p, smaller } = compareRanks(faultCounts(other), faultCounts(name));
    return [smaller.toFixed(2), p.toFixed(3)];
  };
  const unit = budget === 'mutants' ? 'mutants' : `${budget} seconds`;
  const header = [
    'search',
    'found',
    `${unit}, median`,
    'worst',
    'faults, median',
    'mutants run, median',
    'A12 control',
    'p',
    `A12 ${BASELINE}`,
    'p',
    `faults: A12 ${BASELINE}`,
    'p',
  ];
  const rows = [...results].map(([name, outcomes]) => {
    const firsts = firstsOf(name);
    const atBudget = (value: number): string =>
      outcomes.some(({ first, isFound }) => first === value && !isFound)
        ? `≥ ${number(value)}`
        : number(value);
    return [
      name,
      `${outcomes.filter(({ isFound }) => isFound).length} of ${outcomes.length}`,
      atBudget(median(firsts)),
      atBudget(Math.max(...firsts)),
      String(median(outcomes.map(({ faults }) => faults))),
      Math.round(median(outcomes.map(({ execs }) => execs))).toLocaleString('en-US'),
      ...against(name, CONTROL),
      ...against(name, BASELINE),
      ...faultsAgainst(name, BASELINE),
    ];
  });
  return [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
}

await withFolder(async (folder) => {
  const all = await digitTargets(folder, options.models.split(',').includes('mnist') ? options : undefined);
  const searches = [...selectSearches()];
  const masters = Array.from({ length: Number(options.seeds) }, (_, i) => String(i + 1));
  const comparisons = options.models
    .split(',')
    .flatMap((model) => options.budgets.split(',').map((budget) => ({ model, budget: budget as Budget })));
  const campaigns = comparisons.flatMap((comparison) =>
    masters.flatMap((seed) => searches.map(([name, changes]) => ({ comparison, seed, name, changes }))),
  );
  const results = new Map(
    comparisons.map((comparison) => [
      comparison,
      new Map<string, Outcome[]>(searches.map(([name]) => [name, []])),
    ]),
  );
  for (const { comparison, seed, name, changes } of tracked('criteria', 'campaign', campaigns)) {
    const { model, budget } = comparison;
    const target = all.get(model);
    if (target === undefined) throw new Error(`no model ${model}: ${[...all.keys()].join(', ')}`);
    const execs = Math.round(target.execs * Number(options.scale));
    const out = join(folder, `${model}-${budget}-${name}-${seed}`);
    const settings = {
      ...target.settings,
      ...(options.mutator === undefined
        ? {}
        : { mutator: { ...(target.settings.mutator ?? {}), image: options.mutator } }),
      ...changes,
      ...referenceOf(changes, target),
      ...(budget === 'mutants' ? { execs } : {}),
      seed,
      jobs: Number(options.jobs),
      out,
    };
    const outcome = await runWithin(settings, budget, Number(options.seconds));
    await rm(out, { recursive: true, force: true });
    results.get(comparison)?.get(name)?.push(outcome);
    line({
      bench: 'criteria',
      model,
      budget,
      search: name,
      seed,
      ...outcome,
      first: Number(outcome.first.toFixed(2)),
    });
  }
  for (const [{ model, budget }, outcomes] of results)
    process.stdout.write(`\n${model}, equal ${budget}\n\n${describe(outcomes, budget).join('\n')}\n`);
});
