import { type Command, Option } from 'commander';
import { LOG_FORMATS, LOG_LEVELS } from '../output/logging.ts';

/** Adds the flags of a command's log and progress: `--quiet`, `--log-level` and `--log-format`. */
export function addOutputFlags(command: Command): Command {
  return command
    .option('--quiet', 'print errors only')
    .addOption(
      new Option('--log-level <level>', 'level of the log on standard error').choices([...LOG_LEVELS]),
    )
    .addOption(
      new Option(
        '--log-format <format>',
        'format of the log: text for people, json for programs (default: text)',
      ).choices([...LOG_FORMATS]),
    );
}
