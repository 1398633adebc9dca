import type { Command } from 'commander';
import { formatCount, plural } from '../../core/format-number.ts';
import type { WorkerNode } from '../../distributed/protocol/node-registry.ts';
import { DEFAULT_PREFIX } from '../../distributed/protocol/redis-keys.ts';
import { describedCommand } from '../command-summaries.ts';

import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';
import { checkPrefix } from './worker.ts';

/** `neurofuzz workers`: lists the worker nodes on a queue. */
export function workersCommand(): Command {
  return describedCommand('workers')
    .option('--queue <url>', 'Redis address (default: $NEUROFUZZ_QUEUE)')
    .option('--prefix <name>', "prefix of the queue's keys", DEFAULT_PREFIX)
    .option('--json', 'print one JSON object on standard output')
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
  const nodes = await listNodes(parseQueueAddress(options.queue), checkPrefix(options.prefix));
  if (options.json === true) printJson({ machines: nodes });
  else printLines(nodeLines(nodes));
}

function nodeLines(nodes: readonly WorkerNode[]): string[] {
  if (nodes.length === 0) return ['no machines on the queue'];
  const rows = nodes.map((node) => [
    node.host,
    `process ${node.pid}`,
    plural(node.jobs, 'job'),
    node.busy ? 'busy' : 'idle',
    plural(node.sessions.length, 'campaign'),
    `${plural(node.execs, 'mutant')}, ${formatCount(node.execsPerSecond)} per second`,
    `${node.memoryMB} MB`,
    `neurofuzz ${node.version}`,
  ]);
  const refused = nodes.flatMap(({ host, refused: refusals }) =>
    refusals.map((refusal) => `  ${host} cannot join: ${refusal}`),
  );
  return [...table(rows), ...refused];
}

const EXAMPLES = `
Examples:
  neurofuzz workers --queue redis://coordinator:6379
  neurofuzz workers --json`;
