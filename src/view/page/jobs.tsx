import { useState } from 'preact/hooks';
import { escapeControl } from '../../core/escape-control.ts';
import type { JobKind, JobView } from '../protocol.ts';
import { postJson } from './api.ts';
import type { LiveAction } from './live-state.ts';
import type { Selection } from './route.ts';

const KINDS: readonly (readonly [JobKind, string])[] = [
  ['replay', 'Replay'],
  ['minimize', 'Minimize'],
];

const STATUS_TEXTS: Readonly<Record<JobView['status'], string>> = {
  waiting: 'waits for another command',
  running: 'is running',
  done: 'is done',
  failed: 'failed',
  cancelled: 'was cancelled',
};

/** Buttons that replay and minimize a finding, and the output of these commands. */
export function Jobs({
  target,
  isMinimized,
  jobs,
  dispatch,
}: {
  readonly target: Selection;
  /** Whether the finding is a minimized one, which cannot be minimized again. */
  readonly isMinimized: boolean;
  readonly jobs: readonly JobView[];
  readonly dispatch: (action: LiveAction) => void;
}) {
  const [error, setError] = useState('');
  const start = async (kind: JobKind): Promise<void> => {
    setError('');
    try {
      dispatch({ kind: 'job', job: await postJson<JobView>('jobs', { kind, ...target }) });
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
    }
  };
  return (
    <div class="jobs">
      <p>
        {KINDS.map(([kind, text]) => (
          <button
            key={kind}
            type="button"
            disabled={
              (kind === 'minimize' && isMinimized) ||
              jobs.some((job) => job.kind === kind && job.finding === target.finding && isActive(job))
            }
            onClick={() => void start(kind)}
          >
            {text}
          </button>
        ))}
        {isMinimized ? <span class="soft">This finding is minimized.</span> : null}
      </p>
      {error === '' ? null : <p class="warning">{escapeControl(error)}</p>}
      {[...jobs].reverse().map((job) => (
        <Job key={job.id} job={job} />
      ))}
    </div>
  );
}

/** One that has ended in the meantime is not there to cancel, as its status says. */
function cancel(id: number): void {
  postJson('jobs/cancel', { id }).catch(() => {});
}

function Job({ job: { id, kind, finding, status, lines } }: { readonly job: JobView }) {
  const name = KINDS.find(([key]) => key === kind)?.[1] ?? kind;
  return (
    <div class="job">
      <p role="status">
        {name} of <code>{escapeControl(finding)}</code> {STATUS_TEXTS[status]}
        {isActive({ status }) ? (
          <button type="button" onClick={() => cancel(id)}>
            Cancel
          </button>
        ) : null}
      </p>
      {lines.length === 0 ? null : (
        <pre role="log" tabindex={0} aria-label={`output of ${name}`}>
          {lines.map(escapeControl).join('\n')}
        </pre>
      )}
    </div>
  );
}

function isActive({ status }: Pick<JobView, 'status'>): boolean {
  return status === 'waiting' || status === 'running';
}
