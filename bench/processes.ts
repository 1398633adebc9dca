import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of a process in seconds; 0 if it does not exist. Linux only. */
export function cpuSeconds(pid: number | undefined): number {
  try {
    // The fields after the name, which may contain anything: see proc_pid_stat(5).
    const fields = statOf(pid);
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return 0;
  }
}

/** CPU time of all child processes of a process, in seconds. */
export function childSeconds(parent: number | undefined): number {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent)
    .reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** Clock ticks per second, which are 100 on Linux. */
const TICKS = 100;

function parentOf(pid: number): number | undefined {
  try {
    return Number(statOf(pid)[1]);
  } catch {
    return undefined;
  }
}

function statOf(pid: number | undefined): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
