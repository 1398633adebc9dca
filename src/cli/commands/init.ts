import { type Command, Option } from 'commander';
import { budgetSection } from '../../config/budget-section.ts';
import { inputSection } from '../../config/input-section.ts';
import { modelSection, resourceSection } from '../../config/model-section.ts';
import type { SettingName } from '../../config/schema.ts';
import {
  THREAT_PRESET_NAMES,
  THREAT_PRESETS_HELP,
  type ThreatPresetName,
} from '../../config/threat-presets.ts';
import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import { quote } from '../../core/shell-quote.ts';
import { PLUGIN_TEMPLATES, type PluginTemplateName } from '../../setup/plugin-template.ts';
import { addSettingFlags, LOADING_FLAGS, readSections } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { launcher } from '../launcher.ts';
import { printLines } from '../output/terminal.ts';

interface InitOptions {
  readonly out?: string;
  readonly plugin?: PluginTemplateName;
  readonly threatModel?: ThreatPresetName;
}

/** `neurofuzz init`: writes a campaign file for a model, or a template of a plug-in. */
export function initCommand(): Command {
  const command = describedCommand('init')
    .argument('[model]', 'an .onnx file, a TensorFlow.js model.json, a SavedModel folder')
    .option(
      '-o, --out <file>',
      'file to write (default: campaign.yaml); an existing file is never overwritten',
    )
    .addOption(
      new Option('--plugin <kind>', 'write a plug-in instead').choices(Object.keys(PLUGIN_TEMPLATES)),
    )
    .addOption(
      new Option(
        '--threat-model <preset>',
        `write a threat model: who attacks, and how. ${THREAT_PRESETS_HELP}`,
      ).choices(THREAT_PRESET_NAMES),
    );
  return addSettingFlags(command, [...DESCRIBING_FLAGS, ...LOADING_FLAGS])
    .addHelpText('after', EXAMPLES)
    .action(run);
}

/** Settings that a campaign file is written with. */
const DESCRIBING_FLAGS: readonly SettingName[] = ['seeds', 'labels', 'range', 'shape', 'table', 'preset'];

async function run(model: string | undefined, options: InitOptions): Promise<void> {
  if (options.plugin !== undefined) {
    await initPlugin(options.plugin, model, options.out ?? `${options.plugin}.js`);
    return;
  }
  if (model === undefined)
    throw new UserError('init needs a model, as in neurofuzz init model.onnx; or --plugin objective');
  const out = options.out ?? 'campaign.yaml';
  const { init } = await import('../../setup/init.ts');
  const section = { ...modelSection, ...resourceSection, ...inputSection, preset: budgetSection.preset };
  const config = readSections(section, options, { model });
  const warnings: string[] = [];
  const notices = { info: () => {}, warn: (text: string) => void warnings.push(text) };
  const { inputs } = await init({ ...config, threatPreset: options.threatModel }, out, notices);
  const isSeeded = config.seeds !== undefined;
  printLines([
    ...warnings.map((text) => `warning: ${text}`),
    `wrote ${out} for ${plural(inputs.length, 'input')}; run it with: ${launcher()} fuzz --config ${quote(out)}`,
    ...(isSeeded
      ? []
      : [
          'Its seeds are drawn at random. Real inputs find more: set seeds in the file, or give --seeds here.',
        ]),
  ]);
}

async function initPlugin(kind: PluginTemplateName, model: string | undefined, out: string): Promise<void> {
  if (model !== undefined)
    throw new UserError(`--plugin writes a plug-in, which is for no model: leave ${model} out`);
  const { writePluginTemplate } = await import('../../setup/plugin-template.ts');
  await writePluginTemplate(kind, out);
  const named = /[/\\]/.test(out) ? out : `./${out}`;
  printLines([
    `wrote ${out}; use it with: ${launcher()} fuzz MODEL --seeds SEEDS ${PLUGIN_TEMPLATES[kind].flag} ${quote(named)}`,
  ]);
}

const EXAMPLES = `
Examples:
  neurofuzz init model.onnx --seeds photos/
  neurofuzz init model.onnx --seeds image=digits.npy label=labels.npy --preset ci
  neurofuzz init model.onnx --seeds digits.npz --labels labels.npy --threat-model benchmark-linf
  neurofuzz init saved-model/ --signature serving_default --out campaigns/served.yaml
  neurofuzz init --plugin objective --out too-sure.js`;
