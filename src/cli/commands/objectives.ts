import type { Command } from 'commander';
import { boundsJson, describeBounds, type Parameter } from '../../extensions/parameters.ts';
import type { SettingsGrammar } from '../../extensions/settings.ts';
import type { ComparatorKind } from '../../objectives/comparators/comparator.ts';
import type { ObjectiveKind } from '../../objectives/objective.ts';
import { describedCommand } from '../command-summaries.ts';

import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

/** Version of the JSON that `objectives --json` prints. */
const FORMAT_VERSION = 1;

/** `neurofuzz objectives`: lists the objectives there are. */
export function objectivesCommand(): Command {
  return describedCommand('objectives')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(options: { readonly json?: boolean }): Promise<void> {
  const { OBJECTIVES } = await import('../../objectives/registry.ts');
  const { COMPARATORS } = await import('../../objectives/comparators/registry.ts');
  if (options.json === true) {
    printJson({
      formatVersion: FORMAT_VERSION,
      objectives: OBJECTIVES.list().map(
        ({ name, help, parameters, words, needsSecondModel, text, rules }) => ({
          name,
          help,
          parameters: parameters.map(parameterJson),
          ...wordsJson(words),
          compares: needsSecondModel === true,
          text: text ?? null,
          ...(rules === undefined
            ? {}
            : {
                rules: rules.map((rule) => ({
                  name: rule.name,
                  help: rule.help,
                  parameters: rule.parameters.map(parameterJson),
                  words: wordsJson(rule.words).words ?? [],
                  text: rule.text ?? null,
                })),
              }),
        }),
      ),
      comparators: COMPARATORS.list().map(({ name, help, parameters, words }) => ({
        name,
        help,
        parameters: parameters.map(parameterJson),
        ...wordsJson(words),
      })),
    });
    return;
  }
  const rows = [...OBJECTIVES.list().flatMap(objectiveRows), ...COMPARATORS.list().flatMap(comparatorRows)];
  printLines(table(rows));
}

/** Settings that are words; none where a kind has none. */
function wordsJson(words: SettingsGrammar['words'] = {}) {
  const settings = Object.entries(words).map(([name, { help, legal }]) => ({
    name,
    help,
    ...(legal === undefined ? {} : { legal }),
  }));
  return settings.length === 0 ? {} : { words: settings };
}

function parameterJson({ name, default: usual, help, min, max }: Parameter) {
  return { name, default: usual ?? null, help, between: boundsJson({ min, max }) };
}

function parameterText(parameter: Parameter): string {
  return `${parameter.name}=${parameter.default ?? ''}: ${parameter.help}, ${describeBounds(parameter)}`;
}

function wordRows(words: SettingsGrammar['words'] = {}): string[][] {
  return Object.entries(words).map(([word, { help }]) => ['', `${word}=: ${help}`]);
}

function comparatorRows({ name, help, parameters, words }: ComparatorKind): string[][] {
  return [
    [`by=${name}`, help],
    ...parameters.map((parameter) => ['', parameterText(parameter)]),
    ...wordRows(words),
  ];
}

function objectiveRows({ name, help, parameters, words, text, rules = [] }: ObjectiveKind): string[][] {
  return [
    [name, help],
    ...parameters.map((parameter) => ['', parameterText(parameter)]),
    ...wordRows(words),
    ...(text === undefined ? [] : [['', `name=: its name in signatures; then ${text}`]]),
    ...rules.flatMap((rule) => [
      ['', `${name}:${rule.name}: ${rule.help}`],
      ...rule.parameters.map((parameter) => ['', `  ${parameterText(parameter)}`]),
      ...Object.entries(rule.words ?? {}).map(([word, setting]) => ['', `  ${word}=: ${setting.help}`]),
      ...(rule.text === undefined ? [] : [['', `  then ${rule.text}`]]),
    ]),
  ];
}

const EXAMPLES = `
Examples:
  neurofuzz fuzz model.onnx --seeds digits.npz --objective "assert:max(abs(logits)) < 50"
  neurofuzz fuzz model.onnx --seeds digits.npz --objective nonfinite metamorphic:translate:most=0.04
  neurofuzz fuzz model.onnx --seeds digits/ --labels folders --linf 0.1 --objective misclassified:confident=0.8
  neurofuzz fuzz lm.onnx --seeds prompts.txt --generate vocabulary=tokenizer.json --objective text:words,file=words.txt
  neurofuzz fuzz model.onnx --seeds digits.npz --objective ./own.js:bound=2`;
