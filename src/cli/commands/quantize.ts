import { type Command, Option } from 'commander';
import { inputSection } from '../../config/input-section.ts';
import { modelSection, resourceSection } from '../../config/model-section.ts';
import { plural } from '../../core/format-number.ts';
import { QUANTIZERS } from '../../model/quantize/registry.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { addSettingFlags, LOADING_FLAGS, readSections } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { printJson, printLines } from '../output/terminal.ts';

interface QuantizeOptions extends OutputOptions {
  readonly to: string;
  readonly out?: string;
}

/** `neurofuzz quantize`: writes a quantized copy of a model. */
export function quantizeCommand(): Command {
  const command = describedCommand('quantize')
    .argument('<model>', 'an .onnx file or a TensorFlow.js model.json')
    .addOption(
      new Option('--to <kind>', 'number format of the copy')
        .choices(QUANTIZERS.names())
        .makeOptionMandatory(),
    );
  addSettingFlags(command, ['seeds'], {
    seeds: 'inputs that int8 copies of ONNX models are calibrated on, as fuzz takes them',
  });
  command
    .option('-o, --out <path>', 'output: a file, or a folder for TensorFlow.js (default: <model>-<kind>)')
    .option('--json', 'print one JSON object on standard output');
  return addOutputFlags(addSettingFlags(command, LOADING_FLAGS)).addHelpText('after', EXAMPLES).action(run);
}

async function run(model: string, options: QuantizeOptions): Promise<void> {
  const { writeQuantizedModel } = await import('../../model-commands/quantize.ts');
  const { to } = options;
  const config = readSections({ ...modelSection, ...resourceSection, ...inputSection }, options, { model });
  const written = await withProgress(options, (onProgress) =>
    writeQuantizedModel(config, to, options.out, logNotices(options), onProgress),
  );
  if (options.json === true) printJson({ model, to, ...written });
  else if (options.quiet !== true) {
    const calibrated = written.seeds === undefined ? '' : `, calibrated on ${plural(written.seeds, 'seed')}`;
    printLines([`wrote ${written.path} (${model} as ${to}${calibrated})`]);
  }
}

const EXAMPLES = `
Examples:
  neurofuzz quantize model.onnx --to float16
  neurofuzz quantize model.onnx --to int8 --seeds digits.npz --out model-int8.onnx
  neurofuzz quantize model.json --to int8
  neurofuzz fuzz model.onnx --against model-int8.onnx --seeds digits.npz --linf 0.1`;
