import type { WorkerFigures } from '../../fuzzer/executor.ts';
import type { Machine } from '../protocol/node-registry.ts';

/** Looks over which a machine's mutants a second are told: longer than most shards. */
const RATE_OVER = 30;

interface Done {
  tasks: number;
  execs: number;
  /** Mutants at the last looks. */
  marks: readonly number[];
}

/** The machines that take part in a campaign, and what each of them did for it. */
export class Fleet {
  readonly #lookEvery: number;
  readonly #done = new Map<string, Done>();
  #machines: readonly Machine[] = [];

  /** @param lookEvery seconds between looks */
  constructor(lookEvery: number) {
    this.#lookEvery = lookEvery;
  }

  get size(): number {
    return this.#machines.length;
  }

  /** Worker processes of a machine in the mean; one where there is none. */
  get jobs(): number {
    return this.#machines.reduce((sum, { jobs }) => sum + jobs, 0) / this.size || 1;
  }

  get figures(): readonly WorkerFigures[] {
    return this.#machines.map(({ id, host, pid, busy, memoryMB, replaced }) => {
      const { tasks, execs, marks } = this.#doneBy(id);
      const seconds = (marks.length - 1) * this.#lookEvery;
      const execsPerSecond = seconds === 0 ? 0 : Math.round((marks[marks.length - 1] - marks[0]) / seconds);
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
  look(machines: readonly Machine[]): void {
    this.#machines = machines;
    for (const done of this.#done.values()) done.marks = [...done.marks.slice(-RATE_OVER), done.execs];
  }

  /** Takes note of a task that a machine carried out. */
  credit(machine: string, mutants: number): void {
    const done = this.#doneBy(machine);
    this.#done.set(machine, done);
    done.tasks++;
    done.execs += mutants;
  }

  #doneBy(machine: string): Done {
    return this.#done.get(machine) ?? { tasks: 0, execs: 0, marks: [0] };
  }
}
