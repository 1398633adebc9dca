import { Command, Option } from 'commander';
import { checkSettings, type RawSettings } from '../../config/load.ts';
import { QUANTIZATIONS, type Quantization } from '../../config/quantizations.ts';
import { addModelFlags, type ModelFlags } from '../arguments/model-flags.ts';
import { LOG_LEVELS, makeLogger, type OutputOptions, printJson } from '../output/logging.ts';

interface QuantizeOptions extends OutputOptions, ModelFlags {
  readonly to: Quantization;
  readonly seeds?: readonly string[];
  readonly out?: string;
}

/** `neurofuzz quantize`: writes a quantized copy of a model. */
export function quantizeCommand(): Command {
  const command = new Command('quantize')
    .description('Write a quantized copy of a model, to compare it with or to ship')
    .argument('<model>', 'an .onnx file or a TensorFlow.js model.json')
    .addOption(
      new Option('--to <kind>', 'what numbers become').choices([...QUANTIZATIONS]).makeOptionMandatory(),
    )
    .option(
      '-i, --seeds <path...>',
      'inputs that int8 copies of ONNX models are calibrated on, as fuzz takes them',
    )
    .option('-o, --out <path>', 'the copy: a file, or a folder for TensorFlow.js (default: <model>-<kind>)')
    .option('--json', 'one JSON object on standard output')
    .addOption(new Option('--log-level <level>', 'what goes to standard error').choices([...LOG_LEVELS]));
  return addModelFlags(command).addHelpText('after', EXAMPLES).action(run);
}

async function run(model: string, options: QuantizeOptions): Promise<void> {
  const { writeQuantizedModel } = await import('../../model-commands/quantize.ts');
  const { seeds, runtime, signature, tags, to } = options;
  const given = Object.entries({ model, seeds, runtime, signature, tags });
  const flags = Object.fromEntries(given.filter(([, value]) => value !== undefined)) as RawSettings;
  const log = makeLogger(options);
  const notes = { info: (text: string) => log.info(text), warn: (text: string) => log.warn(text) };
  const written = await writeQuantizedModel(checkSettings({}, flags, undefined), to, options.out, notes);
  if (options.json === true) printJson({ model, to, ...written });
  else {
    const calibrated = written.seeds === undefined ? '' : `, calibrated on ${written.seeds} seeds`;
    process.stdout.write(`wrote ${written.path}: ${model} in ${to}${calibrated}\n`);
  }
}

const EXAMPLES = `
Examples:
  neurofuzz quantize model.onnx --to float16
  neurofuzz quantize model.onnx --to int8 --seeds digits.npz --out model-int8.onnx
  neurofuzz quantize model.json --to int8
  neurofuzz fuzz model.onnx --against model-int8.onnx --seeds digits.npz --linf 0.1`;
