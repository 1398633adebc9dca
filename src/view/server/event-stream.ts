import type { IncomingMessage, ServerResponse } from 'node:http';
import { encodeMessage } from '../protocol.ts';

/** Interval of comments that keep a connection open, in milliseconds. */
const HEARTBEAT_MS = 15_000;

/** Maximum number of pages that are told of changes at the same time. */
const MAX_CLIENTS = 32;

/** Bytes that wait for a page at most; one that does not read them connects anew. */
const MAX_WAITING_BYTES = 32 << 20;

/** Sends events to all open pages (server-sent events, WHATWG HTML §9.2). */
export class EventStream {
  readonly #clients = new Set<ServerResponse>();
  readonly #heartbeat = setInterval(() => this.#write(':\n\n'), HEARTBEAT_MS).unref();

  /**
   * Adds a page, which gets an event at once.
   *
   * @returns whether there is room for it
   */
  add(request: IncomingMessage, response: ServerResponse, event: string, first: unknown): boolean {
    if (this.#clients.size >= MAX_CLIENTS) return false;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(`retry: 2000\n\n${eventText(event, first)}`);
    this.#clients.add(response);
    request.on('close', () => this.#clients.delete(response));
    return true;
  }

  send(event: string, message: unknown): void {
    if (this.#clients.size > 0) this.#write(eventText(event, message));
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const client of this.#clients) client.end();
    this.#clients.clear();
  }

  #write(text: string): void {
    for (const client of this.#clients)
      if (client.writableLength > MAX_WAITING_BYTES) client.destroy();
      else client.write(text);
  }
}

/** JSON holds no line break, so that it is one line of data. */
function eventText(event: string, message: unknown): string {
  return `event: ${event}\ndata: ${encodeMessage(message)}\n\n`;
}
