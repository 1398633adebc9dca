import { Command } from 'commander';
import { boundsJson, describeBounds, type Parameter } from '../../extensions/parameters.ts';
import type { ObjectiveKind } from '../../objectives/objective.ts';
import { printJson } from '../output/logging.ts';
import { table } from '../output/table.ts';

/** Version of the JSON that `objectives --json` prints. */
const FORMAT_VERSION = 1;

/** `neurofuzz objectives`: lists the objectives there are. */
export function objectivesCommand(): Command {
  return new Command('objectives')
    .description('List the objectives: what each takes for a violation, and its parameters')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(options: { readonly json?: boolean }): Promise<void> {
  const { OBJECTIVES } = await import('../../objectives/registry.ts');
  if (options.json === true) {
    printJson({
      formatVersion: FORMAT_VERSION,
      objectives: OBJECTIVES.list().map(({ name, help, parameters, needsSecondModel, text, rules }) => ({
        name,
        help,
        parameters: parameters.map(parameterJson),
        compares: needsSecondModel === true,
        text: text ?? null,
        ...(rules === undefined
          ? {}
          : {
              rules: rules.map((rule) => ({
                name: rule.name,
                help: rule.help,
                parameters: rule.parameters.map(parameterJson),
                words: Object.entries(rule.words ?? {}).map(([word, setting]) => ({
                  name: word,
                  help: setting.help,
                })),
                text: rule.text ?? null,
              })),
            }),
      })),
    });
  } else process.stdout.write(`${table(OBJECTIVES.list().flatMap(objectiveRows)).join('\n')}\n`);
}

function parameterJson({ name, default: usual, help, min, max }: Parameter) {
  return { name, default: usual ?? null, help, between: boundsJson({ min, max }) };
}

function parameterText(parameter: Parameter): string {
  return `${parameter.name}=${parameter.default ?? ''}: ${parameter.help}, ${describeBounds(parameter)}`;
}

function objectiveRows({ name, help, parameters, text, rules = [] }: ObjectiveKind): string[][] {
  return [
    [name, help],
    ...parameters.map((parameter) => ['', parameterText(parameter)]),
    ...(text === undefined
      ? []
      : [['', `name=: yours for it, a part of its signatures; behind that ${text}`]]),
    ...rules.flatMap((rule) => [
      ['', `${name}:${rule.name}: ${rule.help}`],
      ...rule.parameters.map((parameter) => ['', `  ${parameterText(parameter)}`]),
      ...Object.entries(rule.words ?? {}).map(([word, setting]) => ['', `  ${word}=: ${setting.help}`]),
      ...(rule.text === undefined ? [] : [['', `  behind that ${rule.text}`]]),
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
