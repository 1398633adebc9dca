import type { Command } from 'commander';
import type { RawSettings } from '../../config/load.ts';
import type { SettingName } from '../../config/schema.ts';
import type { ExplainOptions } from '../../model-commands/explained-inputs.ts';
import { SALIENCY_METHODS, saliencyMethod } from '../../saliency/methods/registry.ts';
import { parseNumber, parseWhole } from './parse-number.ts';
import { addSettingFlags, LOADING_FLAGS, readSettingFlags } from './setting-flags.ts';

/** Flags of what is explained, as commander reads them. */
export interface ExplainFlags {
  readonly method?: readonly string[];
  readonly class?: string;
  readonly inputs: string;
  readonly baseline?: string;
}

/** Settings of `fuzz` for the model and its inputs. */
const SALIENCY_FLAGS: readonly SettingName[] = [
  'seeds',
  'labels',
  'range',
  'shape',
  'table',
  'jobs',
  'seed',
  'timeout',
  'memory',
  ...LOADING_FLAGS,
];

/** Adds the flags of the settings. @param labels what the classes of the seeds are for */
export function addSaliencySettings(command: Command, labels: string): void {
  addSettingFlags(command, SALIENCY_FLAGS, {
    seeds: 'the inputs to explain, as fuzz takes them',
    labels,
  });
}

/** Adds the flags of what is explained, and how. */
export function addExplainFlags(command: Command): Command {
  const names = SALIENCY_METHODS.map(({ name }) => name).join(', ');
  return command
    .option('--method <name...>', `the methods (default: all that the model allows): ${names}`)
    .option('--class <n>', 'the class whose score is explained (default: the predicted one)')
    .option('--inputs <n>', 'most inputs, spread over the predicted classes', '20')
    .option('--baseline <x>', 'the value of a missing pixel or column (default: the low end of the range)');
}

/** @throws UserError where a flag makes no sense */
export function readExplainFlags(flags: ExplainFlags): ExplainOptions {
  for (const name of flags.method ?? []) saliencyMethod(name);
  return {
    methods: flags.method && [...new Set(flags.method)],
    classIndex: flags.class === undefined ? undefined : parseWhole('--class', flags.class, 0),
    inputs: parseWhole('--inputs', flags.inputs, 1),
    baseline:
      flags.baseline === undefined
        ? undefined
        : parseNumber('--baseline', flags.baseline, 'finite', Number.isFinite),
  };
}

/** The settings among the flags: of the others, some have the name of a setting that means something else. */
export function readModelFlags(model: string | undefined, flags: object): RawSettings {
  const settings = Object.fromEntries(
    Object.entries(flags).filter(([name]) => (SALIENCY_FLAGS as readonly string[]).includes(name)),
  );
  return { ...readSettingFlags(settings), ...(model === undefined ? {} : { model }) };
}
