import { Command } from 'commander';
import { launcher, quote } from './launcher.ts';
import { loadingFlags, loadingOf, type ModelFlags } from './model-flags.ts';

interface InitOptions extends ModelFlags {
  readonly out: string;
}

/** `neurofuzz init`: writes a campaign file for a model. */
export function initCommand(): Command {
  const command = new Command('init')
    .description('Write a commented campaign.yaml for a model; it runs as it is')
    .argument('<model>', 'an .onnx file, a TensorFlow.js model.json, a SavedModel folder')
    .option('-o, --out <file>', 'the campaign file; one that is there is never overwritten', 'campaign.yaml');
  return loadingFlags(command).addHelpText('after', EXAMPLES).action(run);
}

async function run(model: string, options: InitOptions): Promise<void> {
  const { init } = await import('../setup/init.ts');
  const { inputs } = await init(model, options.out, loadingOf(options));
  process.stdout.write(
    `wrote ${options.out} for ${inputs.length} input${inputs.length === 1 ? '' : 's'}; run it with: ${launcher()} fuzz --config ${quote(options.out)}\n`,
  );
}

const EXAMPLES = `
Examples:
  neurofuzz init model.onnx
  neurofuzz init saved-model/ --signature serving_default --out campaigns/served.yaml`;
