import { Command, Help } from 'commander';

/** What the list of commands in `neurofuzz --help` says of each, in its order. Reading it loads no command. */
export const COMMAND_SUMMARIES = {
  fuzz: {
    arguments: '[model]',
    description: 'Run a campaign: mutate the seeds, keep new behaviour, report failures',
  },
  replay: {
    arguments: '<path...>',
    description: 'Run findings again: still broken, fixed, flaky, or cannot run',
  },
  triage: {
    arguments: '<campaign...>',
    description: 'List the faults of campaigns, one per signature, the worst first; mark new ones',
  },
  minimize: {
    arguments: '<path...>',
    description: 'Shrink findings: keep the fault, reduce the difference from the seed',
  },
  distill: {
    arguments: '<campaign...>',
    description: 'Write the smallest corpus with the same coverage as some campaigns, which are not modified',
  },
  report: {
    arguments: '<campaign...>',
    description: 'Write a self-contained HTML report: faults with their pictures, and how the search went',
  },
  view: {
    arguments: '<folder...>',
    description: 'Show campaigns on a live page in the browser: faults, comparison, graph, replay, notes',
  },
  nightly: {
    arguments: '<file>',
    description:
      'Run many campaigns within one time budget: resumed, compared with last night, reported on one page',
  },
  inspect: {
    arguments: '<model>',
    description:
      "Show a model's inputs, outputs, operations and tensors; measure its weights and its attention",
  },
  quantize: { arguments: '<model>', description: 'Write a quantized copy of a model' },
  compare: {
    arguments: '<reference> <copy>',
    description:
      'Compare two models on given inputs: agreement, differences, worst inputs, and layer by layer',
  },
  coverage: {
    arguments: '[model]',
    description: 'Measure what a test set covers by each criterion, or list the criteria',
  },
  threat: {
    arguments: '<campaign>',
    description:
      'Say in sentences who attacks by the threat model of a campaign file, and what is doubtful about it',
  },
  contest: {
    arguments: '[model]',
    description: 'Attack a classifier that may abstain, and keep the inputs on which it is wrong and sure',
  },
  'audit-defense': {
    arguments: '[model]',
    description: 'Check whether a robust classifier is robust, or only hides its gradients',
  },
  reprogram: {
    arguments: '[model]',
    description:
      'Search for one change that sends all inputs to a class, or has the model do another task: a pattern, a frame or a patch',
  },
  explain: {
    arguments: '[model]',
    description: 'Say which pixels, columns or tokens of an input the score of a class depends on',
  },
  'saliency-check': {
    arguments: '[model]',
    description: 'Check whether maps of where a model looked depend on the model, or on the picture alone',
  },
  tournament: {
    arguments: '[model...]',
    description: 'Rate models, mutators and folders of testcases by who beats whom, with intervals',
  },
  'check-interpolation': {
    arguments: '<encoder> <decoder>',
    description: 'Measure whether the points between two inputs in a latent space look like inputs',
  },
  'train-latent': {
    arguments: '',
    description: 'Train an encoder and a decoder on inputs, for the mutators of latent vectors',
  },
  objectives: { arguments: '', description: 'List the objectives with their parameters' },
  mutators: {
    arguments: '[name...]',
    description: 'List the mutators with their inputs, parameters and sources',
  },
  init: {
    arguments: '[model]',
    description: 'Write a commented campaign.yaml for a model, or a plug-in template; both run as written',
  },
  doctor: {
    arguments: '',
    description:
      'Show which runtimes and devices work here, how fast they are, and how to install the others',
  },
  worker: { arguments: '', description: 'Run the campaigns of a queue on this machine' },
  workers: { arguments: '', description: 'List the machines on a queue and their work' },
} as const satisfies Readonly<Record<string, { readonly arguments: string; readonly description: string }>>;

/** Name of a command. */
export type CommandName = keyof typeof COMMAND_SUMMARIES;

/** Names of all commands, in the order of the help. */
export const COMMAND_NAMES = Object.keys(COMMAND_SUMMARIES) as CommandName[];

/** Whether a word is the name of a command. */
export function isCommandName(word: string): word is CommandName {
  return Object.hasOwn(COMMAND_SUMMARIES, word);
}

/** A command with its description; arguments, flags and action are its module's. */
export function describedCommand(name: CommandName): Command {
  return new Command(name).description(COMMAND_SUMMARIES[name].description);
}

/** How a command is shown in the list of commands: its name and arguments. */
export function commandTerm(command: Command): string {
  const name = command.name();
  if (!isCommandName(name)) return Help.prototype.subcommandTerm(command);
  return `${name} [options] ${COMMAND_SUMMARIES[name].arguments}`.trimEnd();
}
