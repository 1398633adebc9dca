import type { FailureKind } from '../../objectives/crash-signature.ts';
import { LOADING_MARK } from '../watchdog.ts';

/** Signals by which a process ends that does wrong itself; all others come from outside. */
const OWN_SIGNALS: readonly string[] = [
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGSYS',
  'SIGTRAP',
];

/** Last line of a process that the kernel ended for want of memory. */
export const OOM_KILL_MARK = 'the system ran out of memory, and its out-of-memory killer ended the process';

/** The process ended before it answered. */
export class ProcessDied extends Error {
  override readonly name: string = 'ProcessDied';
  readonly kind: FailureKind;
  /** The signal or exit code, such as `SIGSEGV` or `exit 3`. */
  readonly exitStatus: string;

  /** @param lastLine last line that it wrote to standard error */
  constructor(kind: FailureKind, exitStatus: string, lastLine: string) {
    super(`the process ended with ${exitStatus}${lastLine === '' ? '' : `: ${lastLine}`}`);
    this.kind = kind;
    this.exitStatus = exitStatus;
  }

  /** Whether a signal ended it that no model raises, and that neither this program nor the out-of-memory killer sent. */
  get isFromOutside(): boolean {
    return (
      this.kind === 'crash' && this.exitStatus.startsWith('SIG') && !OWN_SIGNALS.includes(this.exitStatus)
    );
  }

  /** Whether the out-of-memory killer ended it, which may be due to other processes. */
  get isOomKill(): boolean {
    return this.message.includes(OOM_KILL_MARK);
  }

  /** Whether another attempt may end otherwise; a hang and a limit that was exceeded were measured. */
  get mayBeChance(): boolean {
    return this.isOomKill || (this.kind === 'crash' && !this.message.includes(LOADING_MARK));
  }
}
