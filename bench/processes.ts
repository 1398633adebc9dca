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
  return processIds()
    .filter((pid) => parentOf(pid) === parent)
    .reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** What a process and all below it use at a moment. */
export interface TreeUse {
  /** Resident bytes; pages that processes share count in each. */
  readonly memory: number;
  /** CPU time in seconds. */
  readonly cpuSeconds: number;
}

/** What a process and all below it use now; nothing if it does not exist. Linux only. */
export function treeUse(root: number | undefined): TreeUse {
  const tree = root === undefined ? [] : treeOf(root);
  return {
    memory: tree.reduce((sum, pid) => sum + residentBytes(pid), 0),
    cpuSeconds: tree.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
  };
}

/** CPU time of a process and all below it so far, in seconds, with that of processes that have ended. Linux only. */
export function spentSeconds(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + cpuSeconds(pid) + endedSeconds(pid), 0);
}

/** CPU time of the ended child processes of a process, in seconds. */
function endedSeconds(pid: number): number {
  try {
    const fields = statOf(pid);
    return (Number(fields[13]) + Number(fields[14])) / TICKS;
  } catch {
    return 0;
  }
}

/** A process and all below it. */
function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of processIds()) {
    const parent = parentOf(pid) ?? 0;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

function residentBytes(pid: number): number {
  try {
    return PAGE * Number(statOf(pid)[21]);
  } catch {
    return 0;
  }
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Bytes of a page of memory. */
const PAGE = 4096;

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
