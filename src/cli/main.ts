import { Command, CommanderError } from 'commander';
import {
  errorMessage,
  InterruptedError,
  isMachineFailure,
  MachineError,
  systemReason,
  UserError,
} from '../core/errors.ts';
import { VERSION } from '../core/package-files.ts';
import { allowPlugins } from '../extensions/allowed-plugins.ts';
import {
  COMMAND_NAMES,
  type CommandName,
  commandTerm,
  describedCommand,
  isCommandName,
} from './command-summaries.ts';
import { EXIT } from './exit-codes.ts';
import { watchStandardStreams } from './output/standard-streams.ts';
import { printError, printStack } from './output/terminal.ts';

/** How each command is made. It is imported only when it is needed. */
const COMMANDS: Readonly<Record<CommandName, (startedAt: number) => Promise<Command>>> = {
  fuzz: async (startedAt) => (await import('./commands/fuzz.ts')).fuzzCommand(startedAt),
  replay: async () => (await import('./commands/replay.ts')).replayCommand(),
  triage: async () => (await import('./commands/triage.ts')).triageCommand(),
  minimize: async () => (await import('./commands/minimize.ts')).minimizeCommand(),
  distill: async () => (await import('./commands/distill.ts')).distillCommand(),
  report: async () => (await import('./commands/report.ts')).reportCommand(),
  view: async () => (await import('./commands/view.ts')).viewCommand(),
  nightly: async () => (await import('./commands/nightly.ts')).nightlyCommand(),
  inspect: async () => (await import('./commands/inspect.ts')).inspectCommand(),
  quantize: async () => (await import('./commands/quantize.ts')).quantizeCommand(),
  compare: async () => (await import('./commands/compare.ts')).compareCommand(),
  coverage: async () => (await import('./commands/coverage.ts')).coverageCommand(),
  threat: async () => (await import('./commands/threat.ts')).threatCommand(),
  contest: async () => (await import('./commands/contest.ts')).contestCommand(),
  'audit-defense': async () => (await import('./commands/audit-defense.ts')).auditDefenseCommand(),
  reprogram: async () => (await import('./commands/reprogram.ts')).reprogramCommand(),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
  'saliency-check': async () => (await import('./commands/saliency-check.ts')).saliencyCheckCommand(),
  tournament: async () => (await import('./commands/tournament.ts')).tournamentCommand(),
  'check-interpolation': async () =>
    (await import('./commands/latent/check-interpolation.ts')).checkInterpolationCommand(),
  'train-latent': async () => (await import('./commands/latent/train-latent.ts')).trainLatentCommand(),
  objectives: async () => (await import('./commands/objectives.ts')).objectivesCommand(),
  mutators: async () => (await import('./commands/mutators.ts')).mutatorsCommand(),
  init: async () => (await import('./commands/init.ts')).initCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  worker: async () => (await import('./commands/worker.ts')).workerCommand(),
  workers: async () => (await import('./commands/workers.ts')).workersCommand(),
};

/** The command that prints a shell's completion script, and the hidden one that the script calls. */
const COMPLETION_COMMANDS: ReadonlySet<string> = new Set(['completion', 'complete']);

/**
 * The command named in the arguments. For the help, the version and names that are misspelt, what stands in the list of commands;
 * otherwise all commands.
 */
function commandsFor(argv: readonly string[], startedAt: number): Promise<Command[]> {
  const [, , first = ''] = argv;
  const named = isCommandName(first) ? [first] : COMMAND_NAMES;
  const isListed = !COMPLETION_COMMANDS.has(first) && !argv.slice(2).some(isCommandName);
  return Promise.all(
    named.map(async (name) => (isListed ? describedCommand(name) : COMMANDS[name](startedAt))),
  );
}

/**
 * Runs the command line. This is the only place where errors become messages and exit codes.
 *
 * @param argv as `process.argv`
 * @param startedAt when the command began, on `performance.now()`'s clock: with its process by default
 */
export async function run(argv: readonly string[], startedAt = 0): Promise<void> {
  const streams = watchStandardStreams();
  allowPlugins(undefined);
  try {
    checkWorkingFolder();
    await parse(argv, startedAt);
  } catch (error) {
    process.exitCode = reportError(error, argv[2]);
  }
  const failure = await streams.flush();
  if (failure !== undefined && LOST_WITH_OUTPUT.has(Number(process.exitCode ?? EXIT.done)))
    process.exitCode = reportError(failure);
}

/** Exit codes of results, which nobody can read where the output fails. */
const LOST_WITH_OUTPUT: ReadonlySet<number> = new Set([EXIT.done, EXIT.findings]);

/** @throws MachineError where the working folder was removed: neither relative paths nor other processes work then */
function checkWorkingFolder(): void {
  try {
    process.cwd();
  } catch (error) {
    throw new MachineError(
      `cannot use the working folder: ${systemReason(error)}; change to another folder and run again`,
    );
  }
}

async function parse(argv: readonly string[], startedAt: number): Promise<void> {
  const program = new Command('neurofuzz')
    .description('Coverage-guided fuzzing for saved neural networks')
    .version(VERSION)
    .configureHelp({ subcommandTerm: commandTerm })
    .showSuggestionAfterError(true)
    .addHelpText('after', EXAMPLES);
  for (const command of await commandsFor(argv, startedAt)) program.addCommand(command);
  if (COMPLETION_COMMANDS.has(argv[2] ?? '')) (await import('./completion.ts')).addCompletion(program);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  await program.parseAsync([...argv]);
}

/**
 * Prints an error on one line of standard error and returns the exit code: never 1, which stands for findings.
 *
 * @param command the first argument: a command, whose help is then named, or a misspelt one
 */
export function reportError(error: unknown, command = ''): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    if (error.code === 'commander.help') return EXIT.request;
    const text = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
    const help = isCommandName(command) ? `neurofuzz ${command} --help` : 'neurofuzz --help';
    printError(`${text}${text.endsWith('.') ? ' See' : '; see'} ${help}`);
    return EXIT.request;
  }
  if (error instanceof UserError) {
    printError(oneLine(error.message));
    return EXIT.request;
  }
  if (error instanceof MachineError) {
    printError(oneLine(error.message));
    return EXIT.machine;
  }
  if (error instanceof InterruptedError) {
    printError(error.message);
    return EXIT.interrupted;
  }
  const text = isMachineFailure(error)
    ? `the machine failed: ${systemReason(error)} (${oneLine(errorMessage(error))})`
    : `unexpected: ${oneLine(errorMessage(error))}`;
  printError(`${text}; run with NEUROFUZZ_TRACE=1 for where`);
  if (process.env.NEUROFUZZ_TRACE !== undefined && error instanceof Error)
    printStack(error.stack ?? error.message);
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

Shell completion: source <(neurofuzz completion bash); also zsh, fish, powershell.

Exit codes: 0 nothing found, 1 with findings, 2 invalid command line, configuration or model, 3 the machine failed.`;
