import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectSafely } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';

/** Milliseconds between looks, and looks without an answer after which a connection is given up. */
const POLL_INTERVAL_MS = 5000;
const MAX_SILENT_POLLS = 4;

/**
 * Connects to a Redis, and gives a connection up for a new one that brings nothing for long: where a network is cut nobody is told, and
 * what the system sends again comes late. Whoever waits here asks again several times meanwhile.
 */
export class WatchedConnector extends AbstractConnector {
  readonly #options: RedisOptions;

  constructor(options: unknown) {
    const own = options as RedisOptions;
    super(own.disconnectTimeout ?? 2000);
    this.#options = own;
  }

  override connect(): Promise<Socket> {
    const { host, port, tls } = this.#options;
    const to = { host: host ?? 'localhost', port: port ?? 6379 };
    this.connecting = true;
    const stream = tls === undefined ? connectPlain(to) : connectSafely({ ...to, ...tls });
    this.stream = stream;
    stream.once('error', (error) => {
      this.firstError = error;
    });
    destroyWhenSilent(stream);
    return Promise.resolve(stream);
  }
}

/** Ends a connection to which nothing comes. */
function destroyWhenSilent(stream: Socket): void {
  let [read, silent] = [0, 0];
  const look = setInterval(() => {
    silent = stream.bytesRead === read ? silent + 1 : 0;
    read = stream.bytesRead;
    if (silent >= MAX_SILENT_POLLS)
      stream.destroy(new Error(`no answer for ${(MAX_SILENT_POLLS * POLL_INTERVAL_MS) / 1000} s`));
  }, POLL_INTERVAL_MS);
  look.unref();
  stream.once('close', () => clearInterval(look));
}
