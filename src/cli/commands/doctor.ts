import type { Command } from 'commander';
import { formatCount, plural } from '../../core/format-number.ts';
import type { Diagnosis } from '../../setup/doctor.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';

import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

/** `neurofuzz doctor`: lists the runtimes and devices that work on this machine. */
export function doctorCommand(): Command {
  return describedCommand('doctor')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', '\nExit codes: 0 when every kind of model except SavedModels can run, 3 otherwise.')
    .action(run);
}

async function run(options: { readonly json?: boolean }): Promise<void> {
  const { diagnose } = await import('../../setup/doctor.ts');
  const diagnosis = await diagnose();
  if (options.json === true) printJson(diagnosis);
  else printLines(diagnosisLines(diagnosis));
  const works = (isWanted: (kind: string) => boolean): boolean =>
    diagnosis.runtimes.some((runtime) => runtime.works && isWanted(runtime.kind));
  const runs = works((kind) => kind === 'onnx') && works((kind) => kind !== 'onnx');
  const isSound = runs && diagnosis.indexProblem === undefined;
  process.exitCode = isSound ? EXIT.done : EXIT.machine;
}

function diagnosisLines({
  node,
  platform,
  cores,
  memoryPerWorker,
  network,
  runtimes,
  indexProblem,
  advice,
}: Diagnosis): string[] {
  const rows = runtimes.map(({ kind, works, runs, version = '', device = '', threads, rate }) =>
    works
      ? [kind, 'works', runs, `${formatCount(rate ?? 0)}/s`, device, plural(threads ?? 1, 'thread'), version]
      : [kind, 'missing', runs],
  );
  const problems = runtimes.flatMap(({ kind, problem }) =>
    problem === undefined ? [] : [`${kind}: ${problem}`],
  );
  return [
    `Node.js ${node} on ${platform}, ${plural(cores, 'core')}: ${plural(cores, 'worker')} of ${(memoryPerWorker / 1e9).toFixed(1)} GB each`,
    '',
    ...table(rows),
    `rates: testcases per second in one worker (${network}, batches of 256)`,
    '',
    ...problems,
    ...(indexProblem === undefined ? [] : [indexProblem]),
    ...advice,
  ];
}
