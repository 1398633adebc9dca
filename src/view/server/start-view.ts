import type { IncomingMessage, ServerResponse } from 'node:http';
import { UserError } from '../../core/errors.ts';
import type { ViewState } from '../protocol.ts';
import type { CampaignReader } from './campaign-reader.ts';
import { decide } from './decisions.ts';
import { EventStream } from './event-stream.ts';
import { JobRunner } from './job-runner.ts';
import { LiveCampaigns } from './live-campaigns.ts';
import { readPageFiles } from './page-files.ts';
import { cancelSchema, decisionSchema, jobSchema, readBody } from './request-body.ts';
import { checkTarget, type ViewTarget } from './sources.ts';
import { type Answer, ViewServer } from './view-server.ts';

export interface ViewOptions extends ViewTarget {
  /** 0 for a port that is free. */
  readonly port: number;
  /** Whether the page may only show: it starts no command and writes no state. */
  readonly isReadOnly: boolean;
  /** Flags of the commands that the page starts. */
  readonly jobFlags: readonly string[];
  /** Makes the command that reproduces the finding in a folder. */
  readonly replayLine: (folder: string) => string;
  /** Is told of files that could not be read this time. */
  readonly onError: (error: unknown) => void;
}

/** A page that is served. */
export interface RunningView {
  /** With its token: whoever knows it may use the page. */
  readonly address: string;
  /** Ends all jobs and the server. */
  close(): Promise<void>;
}

/**
 * Serves a live page on campaigns.
 *
 * @throws UserError if a folder is neither a campaign nor a nightly folder, or the port can't be used
 */
export async function startView(options: ViewOptions): Promise<RunningView> {
  await checkTarget(options);
  const view = new View(options);
  try {
    await view.campaigns.refresh();
    const server = new ViewServer(await readPageFiles(), (...request) => view.answer(...request));
    const address = await server.listen(options.port);
    view.campaigns.start();
    return {
      address,
      close: async () => {
        await view.close();
        await server.close();
      },
    };
  } catch (error) {
    await view.close();
    throw error;
  }
}

/** The routes of the page. */
class View {
  readonly campaigns: LiveCampaigns;
  readonly jobs: JobRunner;
  readonly events = new EventStream();
  readonly #options: ViewOptions;

  constructor(options: ViewOptions) {
    const { replayLine, onError, jobFlags } = options;
    this.#options = options;
    this.campaigns = new LiveCampaigns(
      options,
      replayLine,
      (update) => this.events.send('update', update),
      onError,
    );
    this.jobs = new JobRunner(jobFlags, (job) => this.events.send('job', job));
  }

  async close(): Promise<void> {
    this.campaigns.close();
    await this.jobs.close();
    this.events.close();
  }

  async answer(
    request: IncomingMessage,
    path: string,
    query: URLSearchParams,
    response: ServerResponse,
  ): Promise<Answer | undefined> {
    if (request.method === 'POST') return this.#change(request, path);
    switch (path) {
      case 'api/events':
        if (request.method === 'HEAD') return { status: 200, message: {} };
        return this.events.add(request, response, 'state', this.#state())
          ? undefined
          : { status: 503, message: { error: 'too many pages are open: close some' } };
      case 'api/state':
        return { status: 200, message: this.#state() };
      case 'api/campaign':
        return found(await this.#reader(query)?.figures());
      case 'api/fault':
        return found(
          await this.#reader(query)?.fault(
            text(query, 'signature'),
            query.get('finding') ?? undefined,
            query.get('model') === 'run',
          ),
        );
      case 'api/graph': {
        const graph = await this.#reader(query)?.graph(text(query, 'signature'), text(query, 'finding'));
        return typeof graph === 'string' ? { status: 400, message: { error: graph } } : found(graph);
      }
      default:
        return NOT_FOUND;
    }
  }

  async #change(request: IncomingMessage, path: string): Promise<Answer> {
    if (this.#options.isReadOnly)
      throw new UserError('neurofuzz view was started with --read-only: start it without to change anything');
    switch (path) {
      case 'api/jobs': {
        const job = await readBody(request, jobSchema);
        const folder = this.campaigns.reader(job.campaign)?.findingFolder(job.signature, job.finding);
        if (folder === undefined) return NOT_FOUND;
        const started = this.jobs.start(job, folder);
        if (started === undefined) throw new UserError('too many commands wait: cancel some');
        return { status: 202, message: started };
      }
      case 'api/jobs/cancel': {
        const { id } = await readBody(request, cancelSchema);
        return this.jobs.cancel(id) ? { status: 200, message: {} } : NOT_FOUND;
      }
      case 'api/decisions': {
        const decision = await readBody(request, decisionSchema);
        const status = this.campaigns.status(decision.campaign);
        if (status === undefined) return NOT_FOUND;
        await decide(status, decision);
        await this.campaigns.refresh();
        return { status: 200, message: this.campaigns.status(decision.campaign) };
      }
      default:
        return NOT_FOUND;
    }
  }

  #state(): ViewState {
    const { folders, isReadOnly } = this.#options;
    return {
      title: folders.length === 1 ? folders[0] : `${folders.length} folders`,
      isReadOnly,
      campaigns: this.campaigns.statuses,
      jobs: this.jobs.jobs,
    };
  }

  #reader(query: URLSearchParams): CampaignReader | undefined {
    return this.campaigns.reader(text(query, 'campaign'));
  }
}

const NOT_FOUND: Answer = { status: 404, message: { error: 'it is not there, or not any more' } };

function found(message: unknown): Answer {
  return message === undefined ? NOT_FOUND : { status: 200, message };
}

function text(query: URLSearchParams, name: string): string {
  return query.get(name) ?? '';
}
