import type { Command } from 'commander';
import { boundsJson, type DefaultedParameter, describeBounds } from '../../extensions/parameters.ts';
import type { MutatorGroup } from '../../mutators/registry.ts';
import { describedCommand } from '../command-summaries.ts';

import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

/** `neurofuzz mutators`: lists the mutators there are. */
export function mutatorsCommand(): Command {
  return describedCommand('mutators')
    .argument('[name...]', 'a group, a mutator or a plug-in (default: all built-in mutators)')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(names: readonly string[], options: { readonly json?: boolean }): Promise<void> {
  const { MUTATOR_GROUPS, resolveMutatorSpec } = await import('../../mutators/registry.ts');
  const asked: MutatorGroup[] = [];
  for (const name of names) {
    const group = MUTATOR_GROUPS.find((candidate) => candidate.name === name);
    const kinds = group?.kinds ?? (await resolveMutatorSpec(name)).map(({ kind }) => kind);
    asked.push(group ?? { name, help: '', kinds });
  }
  const groups = names.length === 0 ? MUTATOR_GROUPS : asked;
  if (options.json === true) {
    printJson({
      formatVersion: FORMAT_VERSION,
      groups: groups.map(({ name, help, kinds }) => ({
        name,
        help,
        mutators: kinds.map((kind) => kind.name),
      })),
      mutators: [...new Set(groups.flatMap(({ kinds }) => kinds))].map(
        ({ name, help, source, domains, parameters, partner, geometric, cost }) => ({
          name,
          help,
          source,
          domains,
          parameters: parameters.map(parameterJson),
          mate: partner ?? null,
          geometric: geometric === true,
          cost,
        }),
      ),
    });
  } else printLines(groups.flatMap((group, i) => [...(i === 0 ? [] : ['']), ...groupLines(group)]));
}

/** Version of the JSON that `mutators --json` prints. */
const FORMAT_VERSION = 1;

function parameterJson({ name, default: usual, help, min, max }: DefaultedParameter) {
  return { name, default: usual, help, between: boundsJson({ min, max }) };
}

function parameterText(parameter: DefaultedParameter): string {
  return `${parameter.name}=${parameter.default}: ${parameter.help}, ${describeBounds(parameter)}`;
}

function groupLines({ name, help, kinds }: MutatorGroup): string[] {
  const rows = kinds.flatMap((kind) => [
    [kind.name, kind.help],
    ...kind.parameters.map((parameter) => ['', parameterText(parameter)]),
    ['', `from ${kind.source}`],
  ]);
  return [help === '' ? name : `${name}: ${help}`, ...table(rows)];
}

const EXAMPLES = `
Examples:
  neurofuzz mutators images
  neurofuzz mutators ./own.js
  neurofuzz fuzz model.onnx --seeds digits.npz --mutator gaussian:sigma=0.05 translate images
  neurofuzz fuzz model.onnx --seeds digits.npz --mutator all`;
