import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { inputSection } from '../../config/input-section.ts';
import { modelSection, resourceSection } from '../../config/model-section.ts';
import { coverageSection } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { SetCoverage } from '../../evaluation/measure-coverage.ts';
import { boundsJson, describeBounds, type Parameter } from '../../extensions/parameters.ts';
import type { CoverageReport } from '../../model-commands/coverage.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { addSettingFlags, LOADING_FLAGS, readSections } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

interface CoverageOptions extends OutputOptions {
  readonly measure?: readonly string[];
  readonly compare?: readonly string[];
  readonly html?: string;
}

/** `neurofuzz coverage`: lists the coverage criteria, or measures what a test set covers by each. */
export function coverageCommand(): Command {
  const command = describedCommand('coverage').argument('[model]', 'the model (default: list the criteria)');
  addSettingFlags(command, ['seeds'], { seeds: 'the test set, as fuzz takes seeds' });
  command.option('--compare <path...>', 'a second test set, to show beside the first');
  addSettingFlags(
    command,
    ['coverageReference', 'coverage', 'shape', ...LOADING_FLAGS, 'generate', 'memory'],
    {
      coverage:
        'tensors whose neurons count, by name or pattern; layers, the default: the result of every layer with weights',
    },
  );
  command
    .option('--measure <criterion...>', 'the criteria (default: all that suit the model)')
    .option('--html <file>', 'write a page with bars for each layer')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

async function run(model: string | undefined, options: CoverageOptions): Promise<void> {
  if (model === undefined) return listCriteria(options);
  const { reportCoverage } = await import('../../model-commands/coverage.ts');
  const sections = { ...modelSection, ...resourceSection, ...inputSection, ...coverageSection };
  const { measure: _measure, ...flags } = options;
  const settings = readSections(sections, flags, { model });
  const isGiven = 'coverage' in options;
  const config = {
    ...settings,
    coverage: isGiven ? settings.coverage : undefined,
    measure: options.measure,
    compare: options.compare === undefined ? undefined : [...options.compare],
  };
  const report = await withProgress(options, (onProgress) =>
    reportCoverage(config, logNotices(options), onProgress),
  );
  if (options.html !== undefined) await writePage(options.html, report);
  if (options.json === true) printJson(report);
  else if (options.quiet !== true) printLines(reportLines(report));
}

async function writePage(path: string, report: CoverageReport): Promise<void> {
  const { coveragePageHtml } = await import('../../report/html/coverage-page.tsx');
  try {
    await writeFile(path, coveragePageHtml(report));
  } catch (error) {
    throw new UserError(`--html: cannot write ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

async function listCriteria({ json, ...options }: CoverageOptions): Promise<void> {
  const [other] = Object.keys(options).filter((name) => !LIST_OPTIONS.has(name));
  if (other !== undefined)
    throw new UserError('name the model to measure: neurofuzz coverage model.onnx --seeds digits.npz');
  const { CRITERIA } = await import('../../coverage/registry.ts');
  const kinds = CRITERIA.list();
  if (json === true)
    printJson({
      formatVersion: LIST_VERSION,
      criteria: kinds.map(({ name, help, equation, source, feedback, collectReference, parameters }) => ({
        name,
        help,
        equation: equation ?? null,
        source: source ?? null,
        feedback: feedback ?? 'distance',
        reference: collectReference !== undefined,
        parameters: parameters.map(({ name: parameter, default: usual, help: text, min, max }) => ({
          name: parameter,
          default: usual ?? null,
          help: text,
          between: boundsJson({ min, max }),
        })),
      })),
    });
  else
    printLines(
      table(
        kinds.flatMap(({ name, help, equation, source, feedback, collectReference, parameters }) => [
          [name, `${help}${feedback === undefined || feedback === 'distance' ? '; compares distances' : ''}`],
          ...(equation === undefined ? [] : [['', equation]]),
          ...(collectReference === undefined ? [] : [['', 'takes --coverage-reference']]),
          ...parameters.map((parameter) => ['', parameterText(parameter)]),
          ...(source === undefined ? [] : [['', `from ${source}`]]),
        ]),
      ),
    );
}

/** Flags that the list of criteria takes beside `--json`. */
const LIST_OPTIONS: ReadonlySet<string> = new Set(['quiet', 'logLevel', 'logFormat']);

/** Version of the JSON that `coverage --json` prints without a model. */
const LIST_VERSION = 1;

function parameterText(parameter: Parameter): string {
  const usual = parameter.default === undefined ? '' : `=${parameter.default}`;
  return `${parameter.name}${usual}: ${parameter.help}, ${describeBounds(parameter)}`;
}

function reportLines({ model, sets, reference, coverage, criteria, omitted }: CoverageReport): string[] {
  const inputs = sets.map(({ name, inputs: count }) => `${name} ${plural(count, 'input')}`).join(', ');
  return [
    `${model.path}: ${inputs}; reference: ${reference.isSeeds ? 'the seeds' : plural(reference.inputs, 'input')}; ${plural(coverage.tensors.length, 'tensor')}: ${coverage.why}`,
    '',
    ...table([
      ['criterion', ...sets.map(({ name }) => name), ''],
      ...criteria.map(({ criterion, help, sets: measured }) => [
        criterion,
        ...measured.map(coverageText),
        help,
      ]),
    ]),
    '',
    ...table(layerRows(criteria)),
    ...(omitted.length === 0
      ? []
      : ['', ...omitted.map(({ criterion, reason }) => `left out: ${criterion}: ${reason}`)]),
  ];
}

/** A row for each layer, with what each criterion says of it: `17.5 %`, or of two test sets `17.5 %, 20 %`. */
function layerRows(criteria: CoverageReport['criteria']): string[][] {
  const byLayer = criteria.filter(({ sets }) => sets[0].layers.some(({ neurons }) => neurons > 1));
  const [first] = byLayer;
  if (first === undefined) return [];
  return [
    ['layer', 'neurons', ...byLayer.map(({ criterion }) => criterion)],
    ...first.sets[0].layers.map(({ tensor, neurons }, layer) => [
      tensor,
      formatCount(neurons),
      ...byLayer.map(({ sets }) => sets.map(({ layers }) => shareText(layers[layer])).join(', ')),
    ]),
  ];
}

function shareText({ covered, total }: Pick<SetCoverage, 'covered' | 'total'>): string {
  if (total === null) return formatNumber(covered, 4);
  return `${formatNumber((100 * covered) / Math.max(1, total), 3)} %`;
}

/** What is covered, for people: `62.5 % (75 of 120)`, or the number alone where there is no total. */
function coverageText({ covered, total }: Pick<SetCoverage, 'covered' | 'total'>): string {
  if (total === null) return Number.isInteger(covered) ? formatCount(covered) : formatNumber(covered, 4);
  if (total === 0) return '0 of 0';
  return `${formatNumber((100 * covered) / total, 4)} % (${formatCount(covered)} of ${formatCount(total)})`;
}

const EXAMPLES = `
Examples:
  neurofuzz coverage
  neurofuzz coverage model.onnx --seeds tests.npz --coverage-reference training.npz
  neurofuzz coverage model.onnx --seeds tests.npz --compare corpus/ --html coverage.html
  neurofuzz coverage model.onnx --seeds tests.npz --measure neuron:threshold=0.75 top-k:k=1 --json

Coverage says what a test set reaches, not how good the model is.`;
