import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectSafely } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';

/** Milliseconds between looks, and looks without an answer after which a connection is given up. */
const LOOK_EVERY = 5000;
const SILENT_LOOKS = 4;

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
    watch(stream);
    return Promise.resolve(stream);
  }
}

/** Ends a connection to which nothing comes. */
function watch(stream: Socket): void {
  let [read, silent] = [0, 0];
  const look = setInterval(() => {
    silent = stream.bytesRead === read ? silent + 1 : 0;
    read = stream.bytesRead;
    if (silent >= SILENT_LOOKS)
      stream.destroy(new Error(`no answer for ${(SILENT_LOOKS * LOOK_EVERY) / 1000} s`));
  }, LOOK_EVERY);
  look.unref();
  stream.once('close', () => clearInterval(look));
}
