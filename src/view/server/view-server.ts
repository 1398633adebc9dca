import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorMessage, MachineError, systemReason, UserError } from '../../core/errors.ts';
import { encodeMessage } from '../protocol.ts';
import { type PageFile, SECURITY_HEADERS } from './page-files.ts';
import { guardRequest, newToken } from './request-guard.ts';

/** The only address that the server listens on. */
const HOST = '127.0.0.1';

/** An answer as JSON. */
export interface Answer {
  readonly status: number;
  readonly message: unknown;
}

/**
 * Answers requests of the page.
 *
 * @returns undefined if the response was taken over, as by a stream of events
 */
export type RequestHandler = (
  request: IncomingMessage,
  path: string,
  query: URLSearchParams,
  response: ServerResponse,
) => Promise<Answer | undefined>;

/** Serves the page on the loopback, below a secret path. */
export class ViewServer {
  readonly #token = newToken();
  readonly #files: ReadonlyMap<string, PageFile>;
  readonly #handle: RequestHandler;
  readonly #server: Server;

  constructor(files: ReadonlyMap<string, PageFile>, handle: RequestHandler) {
    this.#files = files;
    this.#handle = handle;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /**
   * @param port 0 for one that is free
   * @returns the address of the page
   * @throws UserError if the port can't be used
   */
  async listen(port: number): Promise<string> {
    await new Promise<void>((done, failed) => {
      this.#server.once('error', (error) => failed(listenError(error, port)));
      this.#server.listen(port, HOST, () => done());
    });
    const { port: used } = this.#server.address() as AddressInfo;
    return `http://${HOST}:${used}/${this.#token}/`;
  }

  /** Stops listening and ends all connections. */
  async close(): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    const guarded = guardRequest(request, this.#token);
    if ('status' in guarded) {
      response.writeHead(guarded.status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(REFUSALS[guarded.status] ?? 'refused\n');
      return;
    }
    const { path, query } = guarded;
    const file = this.#files.get(path);
    if (file !== undefined && request.method !== 'POST') {
      response.writeHead(200, { 'content-type': file.type });
      response.end(request.method === 'HEAD' ? undefined : file.content);
      return;
    }
    const answer = await this.#handle(request, path, query, response).catch(failedAnswer);
    if (answer === undefined || response.headersSent) return;
    response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8' });
    response.end(encodeMessage(answer.message));
  }
}

const REFUSALS: Readonly<Record<number, string>> = {
  403: 'This request comes from another page.\n',
  404: 'Nothing is here: open the whole address that neurofuzz view printed.\n',
  421: 'This server answers requests to 127.0.0.1 and localhost only.\n',
};

function failedAnswer(error: unknown): Answer {
  const status = error instanceof UserError ? 400 : 500;
  return { status, message: { error: errorMessage(error) } };
}

function listenError(error: NodeJS.ErrnoException, port: number): Error {
  if (error.code === 'EADDRINUSE')
    return new UserError(
      `--port: ${port} is in use by another program: choose another port, or leave --port out for a free one`,
    );
  if (error.code === 'EACCES')
    return new UserError(`--port: ${port} is reserved: choose a port from 1024 to 65535`);
  return new MachineError(`cannot listen on ${HOST}: ${systemReason(error)}`);
}
