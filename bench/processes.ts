import { readdirSync, readFileSync } from 'node:fs';

/** Seconds of processor time that a process has taken; 0 where it is gone. Linux. */
export function cpuSeconds(pid: number | undefined): number {
  try {
    // Behind the name, which may hold anything: see proc_pid_stat(5).
    const fields = statOf(pid);
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return 0;
  }
}

/** Seconds of processor time that the processes have taken that a process started. */
export function childSeconds(parent: number | undefined): number {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent)
    .reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** Clock ticks in a second: what Linux tells all programs. */
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
