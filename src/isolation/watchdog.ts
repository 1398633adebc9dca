/**
 * The thread beside a process that runs models: while a run blocks the process, it alone can see that the
 * memory runs out or that nobody waits for the result any more.
 */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { MEMORY_MARK } from './watchdog-mark.ts';

/** Milliseconds between looks: what a run can take beyond its share in that time is the machine's spare fifth. */
const LOOK_EVERY = 50;

const { memory, parent } = workerData as { readonly memory: number; readonly parent: number };

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  if (process.memoryUsage.rss() > memory) {
    writeSync(2, `${MEMORY_MARK}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
}, LOOK_EVERY);
