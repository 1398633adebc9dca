#!/usr/bin/env node
import { existsSync, writeSync } from 'node:fs';

// For this process and all that it starts, plug-ins that import ONNX Runtime included.
process.env.ORT_DISABLE_TELEMETRY ??= '1';

/** Prints an error on one line and returns the exit code. The command line has one that tells errors apart. */
let reportError = (error) => {
  const [line] = String(error?.message ?? error).split('\n', 1);
  const text = line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
  writeSync(2, `neurofuzz: cannot start: ${text}\n`);
  return 3;
};

function fail(error) {
  let exitCode = 3;
  try {
    exitCode = reportError(error);
  } catch {
    // Standard error is closed or full: the exit code alone is left.
  }
  process.exit(exitCode);
}

// Node.js ends with a stack trace and 1, which stands for findings.
process.on('uncaughtException', fail);

// Where a promise stays unsettled it ends with 13, or with the exit code of a result that is not whole.
let isDone = false;
process.on('beforeExit', () => {
  if (!isDone) fail(new Error('nothing is left to run, and the command has not ended'));
});

const main = new URL('../dist/processes/main.js', import.meta.url);
if (existsSync(main)) {
  const cli = await import(main.href);
  reportError = cli.reportError;
  await cli.run(process.argv);
} else {
  process.stderr.write('neurofuzz is not built: run npm run setup in its folder\n');
  process.exitCode = 3;
}
isDone = true;
