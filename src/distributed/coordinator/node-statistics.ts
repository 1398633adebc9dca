import type { WorkerStatistics } from '../../fuzzer/executor.ts';
import type { WorkerNode } from '../protocol/node-registry.ts';

/** Polls over which a node's mutants per second are averaged: longer than most shards. */
const RATE_WINDOW_POLLS = 30;

interface NodeTotals {
  tasks: number;
  execs: number;
  /** Values of `execs` at the last polls. */
  execsHistory: readonly number[];
}

/** The nodes that take part in a campaign, with the work that each has done for it. */
export class NodeStatistics {
  readonly #pollIntervalSeconds: number;
  readonly #totals = new Map<string, NodeTotals>();
  #nodes: readonly WorkerNode[] = [];

  /** @param pollIntervalSeconds interval at which `update` is called */
  constructor(pollIntervalSeconds: number) {
    this.#pollIntervalSeconds = pollIntervalSeconds;
  }

  get nodeCount(): number {
    return this.#nodes.length;
  }

  /** Mean number of worker processes of a node; 1 if there is no node. */
  get meanJobs(): number {
    return this.#nodes.reduce((sum, { jobs }) => sum + jobs, 0) / this.nodeCount || 1;
  }

  get workers(): readonly WorkerStatistics[] {
    return this.#nodes.map(({ id, host, pid, busy, memoryMB, replaced }) => {
      const { tasks, execs, execsHistory } = this.#totalsOf(id);
      const seconds = (execsHistory.length - 1) * this.#pollIntervalSeconds;
      const execsPerSecond =
        seconds === 0 ? 0 : Math.round((execsHistory[execsHistory.length - 1] - execsHistory[0]) / seconds);
      return {
        pid,
        host,
        state: busy ? 'busy' : 'idle',
        tasks,
        execs,
        execsPerSecond,
        replaced,
        memoryMB,
        peakMemoryMB: memoryMB,
      };
    });
  }

  /** Records which nodes take part now. */
  update(nodes: readonly WorkerNode[]): void {
    this.#nodes = nodes;
    for (const totals of this.#totals.values())
      totals.execsHistory = [...totals.execsHistory.slice(-RATE_WINDOW_POLLS), totals.execs];
  }

  /** Records a task completed by a node. */
  recordTask(nodeId: string, mutants: number): void {
    const totals = this.#totalsOf(nodeId);
    this.#totals.set(nodeId, totals);
    totals.tasks++;
    totals.execs += mutants;
  }

  #totalsOf(nodeId: string): NodeTotals {
    return this.#totals.get(nodeId) ?? { tasks: 0, execs: 0, execsHistory: [0] };
  }
}
