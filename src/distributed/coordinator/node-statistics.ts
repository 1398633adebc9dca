import type { WorkerStatistics } from '../../fuzzer/executor.ts';
import type { WorkerNode } from '../protocol/node-registry.ts';

/** Looks over which a machine's mutants a second are told: longer than most shards. */
const RATE_WINDOW_POLLS = 30;

interface NodeTotals {
  tasks: number;
  execs: number;
  /** Mutants at the last looks. */
  execsHistory: readonly number[];
}

/** The machines that take part in a campaign, and what each of them did for it. */
export class NodeStatistics {
  readonly #pollIntervalSeconds: number;
  readonly #totals = new Map<string, NodeTotals>();
  #nodes: readonly WorkerNode[] = [];

  /** @param lookEvery seconds between looks */
  constructor(lookEvery: number) {
    this.#pollIntervalSeconds = lookEvery;
  }

  get nodeCount(): number {
    return this.#nodes.length;
  }

  /** Worker processes of a machine in the mean; one where there is none. */
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

  /** Takes note of who takes part now. */
  update(machines: readonly WorkerNode[]): void {
    this.#nodes = machines;
    for (const done of this.#totals.values())
      done.execsHistory = [...done.execsHistory.slice(-RATE_WINDOW_POLLS), done.execs];
  }

  /** Takes note of a task that a machine carried out. */
  recordTask(machine: string, mutants: number): void {
    const done = this.#totalsOf(machine);
    this.#totals.set(machine, done);
    done.tasks++;
    done.execs += mutants;
  }

  #totalsOf(machine: string): NodeTotals {
    return this.#totals.get(machine) ?? { tasks: 0, execs: 0, execsHistory: [0] };
  }
}
