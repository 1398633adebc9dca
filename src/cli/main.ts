import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { Interrupted, MachineError, reason, UserError } from '../errors.ts';
import { compareCommand } from './compare.ts';
import { distillCommand } from './distill.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT } from './exit.ts';
import { fuzzCommand } from './fuzz.ts';
import { initCommand } from './init.ts';
import { inspectCommand } from './inspect.ts';
import { minimizeCommand } from './minimize.ts';
import { mutatorsCommand } from './mutators.ts';
import { nightlyCommand } from './nightly.ts';
import { objectivesCommand } from './objectives.ts';
import { quantizeCommand } from './quantize.ts';
import { replayCommand } from './replay.ts';
import { reportCommand } from './report.ts';
import { triageCommand } from './triage.ts';
import { workerCommand } from './worker.ts';
import { workersCommand } from './workers.ts';

const { version } = createRequire(import.meta.url)('neurofuzz/package.json') as { version: string };

const COMMANDS = [
  fuzzCommand,
  replayCommand,
  triageCommand,
  minimizeCommand,
  distillCommand,
  reportCommand,
  nightlyCommand,
  inspectCommand,
  quantizeCommand,
  compareCommand,
  objectivesCommand,
  mutatorsCommand,
  initCommand,
  doctorCommand,
  workerCommand,
  workersCommand,
];

/**
 * Runs the command line. What a command needs is loaded when it runs, so that help comes at once; this is the
 * one place where errors become messages and exit codes.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const program = new Command('neurofuzz')
    .description('Coverage-guided fuzzing for saved neural networks')
    .version(version)
    .showSuggestionAfterError(true)
    .addHelpText('after', EXAMPLES);
  for (const make of COMMANDS) program.addCommand(make());
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader such as head that closes the pipe early is no failure of ours.
    if (error.code !== 'EPIPE') throw error;
  });
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = report(error);
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    if (error.code === 'commander.help') return EXIT.request;
    const text = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
    process.stderr.write(`neurofuzz: ${text}; see neurofuzz --help\n`);
    return EXIT.request;
  }
  if (error instanceof UserError) {
    process.stderr.write(`neurofuzz: ${oneLine(error.message)}\n`);
    return EXIT.request;
  }
  if (error instanceof MachineError) {
    process.stderr.write(`neurofuzz: ${oneLine(error.message)}\n`);
    return EXIT.machine;
  }
  if (error instanceof Interrupted) {
    process.stderr.write(`neurofuzz: ${error.message}\n`);
    return EXIT.interrupted;
  }
  process.stderr.write(
    `neurofuzz: unexpected: ${oneLine(reason(error))}; run with NEUROFUZZ_TRACE=1 for where\n`,
  );
  if (process.env.NEUROFUZZ_TRACE !== undefined && error instanceof Error)
    process.stderr.write(`${error.stack}\n`);
  return EXIT.machine;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}

const EXAMPLES = `
Examples:
  neurofuzz fuzz model.onnx --seeds digits.npz --range=-1,1 --time 60s
  neurofuzz inspect model.onnx
  neurofuzz init model.onnx && neurofuzz fuzz --config campaign.yaml
  neurofuzz replay neurofuzz-out/model

Exit codes: 0 nothing found, 1 findings, 2 the request is wrong, 3 the machine failed.`;
