import type { Command } from 'commander';
import type { SettingName } from '../../config/schema.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { addSettingFlags, LOADING_FLAGS, readSettingFlags } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import type { OutputOptions } from '../output/logging.ts';
import { printJson, printProse } from '../output/terminal.ts';

/** Settings on which a threat model rests. */
const THREAT_FLAGS: readonly SettingName[] = [
  'seeds',
  'labels',
  'range',
  'shape',
  'table',
  'objective',
  'mutator',
  'linf',
  'l2',
  'l0',
  'edits',
  'fixed',
];

/** `neurofuzz threat`: the threat model of a campaign file as prose, with warnings. */
export function threatCommand(): Command {
  const command = describedCommand('threat').argument(
    '<campaign>',
    "a campaign file with a threatModel, or a campaign's folder",
  );
  addSettingFlags(command, [...THREAT_FLAGS, ...LOADING_FLAGS]).option(
    '--json',
    'print one JSON object on standard output',
  );
  return addOutputFlags(command).addHelpText('after', EXAMPLES).action(run);
}

async function run(campaign: string, options: OutputOptions): Promise<void> {
  const { describeThreat } = await import('../../model-commands/threat.ts');
  const description = await describeThreat(campaign, readSettingFlags(options));
  const { prose, warnings, seeds } = description;
  if (options.json === true) printJson(description);
  else if (options.quiet !== true)
    printProse([
      ...prose,
      ...(seeds === null ? ['The model is not there: seeds and classes are not checked.'] : []),
      ...warnings.map((text) => `warning: ${text}`),
    ]);
}

const EXAMPLES = `
Examples:
  neurofuzz threat campaign.yaml
  neurofuzz threat campaign.yaml --json
  neurofuzz threat campaign.yaml --seeds digits.npz --labels labels.npy --linf 0.05
  neurofuzz threat neurofuzz-out/model`;
