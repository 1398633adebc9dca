import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { escapeControl } from '../../core/escape-control.ts';
import { packageFile } from '../../core/package-files.ts';
import type { JobRequest, JobView } from '../protocol.ts';

/** Lines of output that are kept of a job, characters of a line, and jobs that are kept once they have ended. */
const MAX_LINES = 200;
const MAX_CHARACTERS = 2_000;
const MAX_ENDED_JOBS = 20;

/** Jobs that may wait. */
const MAX_WAITING_JOBS = 100;

/** How long a job has to end after it was asked to, in milliseconds. */
const GRACE_MS = 5_000;

/** Exit codes of a command that did its work: `replay` exits with 1 where a finding is still broken. */
const DONE_CODES: ReadonlySet<number | null> = new Set([0, 1]);

interface Job {
  view: JobView;
  readonly folder: string;
  child: ChildProcess | undefined;
}

/** Runs commands for findings as processes of their own, one at a time. */
export class JobRunner {
  readonly #flags: readonly string[];
  readonly #onChange: (job: JobView) => void;
  #jobs: Job[] = [];
  #lastId = 0;
  #running: Promise<void> | undefined;

  /**
   * @param flags of every command, such as `--trust`
   * @param onChange is told of each job that begins, prints or ends
   */
  constructor(flags: readonly string[], onChange: (job: JobView) => void) {
    this.#flags = flags;
    this.#onChange = onChange;
  }

  get jobs(): readonly JobView[] {
    return this.#jobs.map(({ view }) => view);
  }

  /**
   * Starts a job, or has it wait for the one that runs.
   *
   * @param folder of the finding
   * @returns undefined if too many wait; the waiting or running one, if the same is asked for again
   */
  start(request: JobRequest, folder: string): JobView | undefined {
    const same = this.#jobs.find(
      ({ view }) =>
        isActive(view) &&
        view.kind === request.kind &&
        view.finding === request.finding &&
        view.signature === request.signature &&
        view.campaign === request.campaign,
    );
    if (same !== undefined) return same.view;
    if (this.#jobs.filter(({ view }) => view.status === 'waiting').length >= MAX_WAITING_JOBS)
      return undefined;
    const view: JobView = { ...request, id: ++this.#lastId, status: 'waiting', lines: [] };
    const job: Job = { view, folder, child: undefined };
    const ended = this.#jobs.filter((other) => !isActive(other.view));
    const dropped = new Set(ended.slice(0, Math.max(0, ended.length - MAX_ENDED_JOBS)));
    this.#jobs = [...this.#jobs.filter((other) => !dropped.has(other)), job];
    this.#onChange(view);
    this.#running ??= this.#runAll();
    return job.view;
  }

  /** Ends a job. @returns whether there was one to end */
  cancel(id: number): boolean {
    const job = this.#jobs.find(({ view }) => view.id === id && isActive(view));
    if (job === undefined) return false;
    this.#change(job, { status: 'cancelled' });
    if (job.child !== undefined) endProcess(job.child);
    return true;
  }

  /** Ends all jobs, and waits for their processes. */
  async close(): Promise<void> {
    for (const { view } of this.#jobs) this.cancel(view.id);
    await this.#running;
  }

  async #runAll(): Promise<void> {
    for (;;) {
      const next = this.#jobs.find(({ view }) => view.status === 'waiting');
      if (next === undefined) break;
      await this.#run(next);
    }
    this.#running = undefined;
  }

  #run(job: Job): Promise<void> {
    const script = fileURLToPath(packageFile('bin/neurofuzz.js'));
    const child = spawn(process.execPath, [script, job.view.kind, job.folder, ...this.#flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    job.child = child;
    this.#change(job, { status: 'running' });
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => this.#print(job, line));
    return new Promise((done) => {
      child.on('error', (error) => {
        this.#print(job, `cannot start the command: ${error.message}`);
        this.#change(job, { status: 'failed' });
        done();
      });
      child.on('close', (code) => {
        job.child = undefined;
        if (job.view.status === 'running')
          this.#change(job, { status: DONE_CODES.has(code) ? 'done' : 'failed' });
        done();
      });
    });
  }

  #print(job: Job, line: string): void {
    const shown = escapeControl(line.slice(0, MAX_CHARACTERS));
    this.#change(job, { lines: [...job.view.lines, shown].slice(-MAX_LINES) });
  }

  #change(job: Job, change: Partial<JobView>): void {
    job.view = { ...job.view, ...change };
    this.#onChange(job.view);
  }
}

function isActive({ status }: JobView): boolean {
  return status === 'waiting' || status === 'running';
}

/** Asks a process to end in order, and ends it where it does not. */
function endProcess(child: ChildProcess): void {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  timer.unref();
  child.once('close', () => clearTimeout(timer));
}
