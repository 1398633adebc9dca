import { readFileSync } from 'node:fs';

/** Reads a file; undefined where it is absent. */
export type ReadFile = (path: string) => string | undefined;

/**
 * How many processes the kernel's out-of-memory killer has ended so far: in this process's memory cgroup, v2 or v1, and in
 * those below it; on the whole machine where the cgroup does not say. Undefined where neither says, as outside Linux.
 */
export function countOomKills(read: ReadFile = readIfPresent): number | undefined {
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, folder] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const isV2 = controllers === '';
    if (!isV2 && controllers?.split(',').includes('memory') !== true) continue;
    const [root, file] = isV2
      ? ['/sys/fs/cgroup', 'memory.events']
      : ['/sys/fs/cgroup/memory', 'memory.oom_control'];
    // In a container the path is often that of the host, and the container's own cgroup is mounted as the root.
    for (const path of [`${root}${folder}/${file}`, `${root}/${file}`]) {
      const kills = counter(read(path));
      if (kills !== undefined) return kills;
    }
  }
  return counter(read('/proc/vmstat'));
}

function counter(text: string | undefined): number | undefined {
  const [, kills] = /^oom_kill (\d+)$/m.exec(text ?? '') ?? [];
  return kills === undefined ? undefined : Number(kills);
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Milliseconds between readings. */
const READING_INTERVAL_MS = 1000;

/** Tells whether the out-of-memory killer was at work lately. */
export class OomWatch {
  readonly #count: () => number | undefined;
  readonly #now: () => number;
  /** The last two readings: the kill itself may fall between the last one and the end of its process. */
  #readings: readonly (number | undefined)[];
  #readAt: number;

  constructor(count: () => number | undefined = countOomKills, now: () => number = () => performance.now()) {
    this.#count = count;
    this.#now = now;
    this.#readings = [count()];
    this.#readAt = now();
  }

  /** Reads the counter once a second; cheap to call more often. */
  tick(): void {
    const now = this.#now();
    if (now - this.#readAt < READING_INTERVAL_MS) return;
    this.#readings = [this.#readings[this.#readings.length - 1], this.#count()];
    this.#readAt = now;
  }

  /** Whether the killer ended a process since the reading before the last. */
  hasKilled(): boolean {
    const [before] = this.#readings;
    const now = this.#count();
    return before !== undefined && now !== undefined && now > before;
  }
}
