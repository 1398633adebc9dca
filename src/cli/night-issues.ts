import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MachineError, systemReason } from '../core/errors.ts';
import { printLines } from './output/terminal.ts';

/**
 * Prints the commands that open and close the issues of the last night's faults, or runs them.
 *
 * @param out the nightly folder
 * @param isApplied runs the commands in a shell instead of printing them
 * @throws UserError if no night has ended there; MachineError if a command fails
 */
export async function reportIssues(out: string, isApplied: boolean): Promise<void> {
  const { readLastNight } = await import('../nightly/read-night.ts');
  const { issueCommands } = await import('../nightly/issue-commands.ts');
  const { night, campaigns } = await readLastNight(out);
  const commands = issueCommands(night, campaigns);
  if (isApplied) await runScript(commands);
  else printLines(commands.flatMap((command) => command.split('\n')));
}

/** Runs lines in a shell, up to the first that fails. */
async function runScript(lines: readonly string[]): Promise<void> {
  const shell = spawn('sh', ['-e', '-c', lines.join('\n')], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(shell, 'exit').catch((error: unknown) => {
    throw new MachineError(`cannot run sh: ${systemReason(error)}`);
  });
  if (code !== 0)
    throw new MachineError(
      'a command failed: see the lines above, and check that gh is installed and signed in (gh auth status)',
    );
}
