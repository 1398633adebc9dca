import type { Command } from 'commander';
import { errorMessage, UserError } from '../../core/errors.ts';
import { quote } from '../../core/shell-quote.ts';
import { TRUST_HELP } from '../arguments/trust-flag.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { launcher } from '../launcher.ts';
import { printError, printLines } from '../output/terminal.ts';
import { handleShutdownSignals } from '../shutdown.ts';

const MAX_PORT = 65_535;

/** `neurofuzz view`: serves a live page on campaigns. */
export function viewCommand(): Command {
  return describedCommand('view')
    .argument('<folder...>', "the campaigns' folders, or the folder of neurofuzz nightly")
    .option('--against <path>', 'baseline file, which also keeps states and notes, or an older campaign')
    .option('--port <n>', 'port on 127.0.0.1 (default: one that is free)')
    .option('--open', 'open the page in the browser (default: on a terminal with a screen)')
    .option('--no-open', 'only print the address')
    .option('--read-only', 'only show: start no command, write no state or note')
    .option('--model <model>', 'model that replay and minimize run, in place of the recorded one')
    .option('--trust', TRUST_HELP)
    .addHelpText('after', EXAMPLES)
    .action(run);
}

interface ViewFlags {
  readonly against?: string;
  readonly port?: string;
  readonly open?: boolean;
  readonly readOnly?: boolean;
  readonly model?: string;
  readonly trust?: boolean;
}

async function run(folders: readonly string[], options: ViewFlags): Promise<void> {
  const port = Number(options.port ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT || options.port?.trim() === '')
    throw new UserError(`--port must be a whole number from 0 to ${MAX_PORT}, not '${options.port}'`);
  const { startView } = await import('../../view/server/start-view.ts');
  const shutdown = handleShutdownSignals();
  const reported = new Set<string>();
  try {
    const view = await startView({
      folders,
      against: options.against,
      port,
      isReadOnly: options.readOnly === true,
      jobFlags: [
        ...(options.model === undefined ? [] : ['--model', options.model]),
        ...(options.trust === true ? ['--trust'] : []),
      ],
      replayLine: (folder) => `${launcher()} replay ${quote(folder)}`,
      onError: (error) => {
        const text = errorMessage(error);
        if (!reported.has(text)) printError(text);
        reported.add(text);
      },
    });
    printLines([view.address]);
    if (process.stderr.isTTY) printError('press Ctrl-C to stop');
    const { closeBrowserFile, openBrowser, hasScreen } = await import('../open-browser.ts');
    const isAsked = options.open ?? (process.stdout.isTTY === true && hasScreen());
    if (isAsked) await openBrowser(view.address, (text) => printError(text));
    await aborted(shutdown.signal);
    await closeBrowserFile();
    await view.close();
    process.exitCode = EXIT.done;
  } finally {
    shutdown.release();
  }
}

/** Waits until a signal is aborted. A pending promise keeps no process alive; the server does. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

const EXAMPLES = `
Examples:
  neurofuzz view neurofuzz-out/model
  neurofuzz view neurofuzz-nights --port 8080 --no-open
  neurofuzz view runs/a runs/b --against baseline.json
  neurofuzz view neurofuzz-out/model --read-only

Prints the address of the page and serves it until Ctrl-C. Whoever has the address can use the page; only this machine can reach it.
From another machine: ssh -t -L 8080:127.0.0.1:8080 HOST neurofuzz view FOLDER --port 8080
Without --against, states and notes are kept in baseline.json of a campaign's folder, and in baselines/ of a nightly folder.
Exit codes: 0 after Ctrl-C, whatever was found.`;
