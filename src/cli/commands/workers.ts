import { Command } from 'commander';
import { escapeControl } from '../../core/escape-control.ts';
import type { WorkerNode } from '../../distributed/protocol/node-registry.ts';
import { DEFAULT_PREFIX } from '../../distributed/protocol/redis-keys.ts';
import { printJson } from '../output/logging.ts';
import { table } from '../output/table.ts';
import { checkPrefix } from './worker.ts';

/** `neurofuzz workers`: the machines on a queue. */
export function workersCommand(): Command {
  return new Command('workers')
    .description('List the machines on a queue, and what they do')
    .option('--queue <url>', 'the Redis (default: $NEUROFUZZ_QUEUE)')
    .option('--prefix <name>', 'what keys of ours begin with', DEFAULT_PREFIX)
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

interface WorkersFlags {
  readonly queue?: string;
  readonly prefix: string;
  readonly json?: boolean;
}

async function run(options: WorkersFlags): Promise<void> {
  const { parseQueueAddress } = await import('../../distributed/redis/connection.ts');
  const { listNodes } = await import('../../distributed/list-nodes.ts');
  const machines = await listNodes(parseQueueAddress(options.queue), checkPrefix(options.prefix));
  if (options.json === true) printJson({ machines });
  else process.stdout.write(`${nodeLines(machines).join('\n')}\n`);
}

function nodeLines(machines: readonly WorkerNode[]): string[] {
  if (machines.length === 0) return ['no machines'];
  const count = new Intl.NumberFormat('en');
  const rows = machines.map((one) => [
    one.host,
    `process ${one.pid}`,
    `${one.jobs} jobs`,
    one.busy ? 'busy' : 'idle',
    `${one.sessions.length} campaign${one.sessions.length === 1 ? '' : 's'}`,
    `${count.format(one.execs)} mutants, ${count.format(one.execsPerSecond)} a second`,
    `${one.memoryMB} MB`,
    `neurofuzz ${one.version}`,
  ]);
  const refused = machines.flatMap(({ host, refused: why }) =>
    why.map((text) => `  ${host} does not take part: ${text}`),
  );
  return [...table(rows.map((row) => row.map(escapeControl))), ...refused.map(escapeControl)];
}

const EXAMPLES = `
Examples:
  neurofuzz workers --queue redis://coordinator:6379
  neurofuzz workers --json`;
