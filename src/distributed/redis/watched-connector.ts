import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';

/** Interval at which received bytes are compared, and intervals without any after which a connection is closed. */
const POLL_INTERVAL_MS = 5000;
const MAX_SILENT_POLLS = 4;

/**
 * Connects to Redis and destroys a connection on which nothing is received for long, so that it is replaced. When a network is cut,
 * TCP reports no error for many minutes. All clients here poll, so a healthy connection always receives something.
 */
export class WatchedConnector extends AbstractConnector {
  readonly #options: RedisOptions;

  constructor(options: unknown) {
    // ioredis passes the options of the connection but declares the parameter as unknown.
    const redisOptions = options as RedisOptions;
    super(redisOptions.disconnectTimeout ?? 2000);
    this.#options = redisOptions;
  }

  override connect(): Promise<Socket> {
    const { host, port, tls } = this.#options;
    const address = { host: host ?? 'localhost', port: port ?? 6379 };
    this.connecting = true;
    const stream = tls === undefined ? connectPlain(address) : connectTls({ ...address, ...tls });
    this.stream = stream;
    stream.once('error', (error) => {
      this.firstError = error;
    });
    destroyWhenSilent(stream);
    return Promise.resolve(stream);
  }
}

/** Destroys a connection on which nothing is received. */
function destroyWhenSilent(stream: Socket): void {
  let bytesRead = 0;
  let silentPolls = 0;
  const poll = setInterval(() => {
    silentPolls = stream.bytesRead === bytesRead ? silentPolls + 1 : 0;
    bytesRead = stream.bytesRead;
    if (silentPolls >= MAX_SILENT_POLLS)
      stream.destroy(new Error(`no answer for ${(MAX_SILENT_POLLS * POLL_INTERVAL_MS) / 1000} s`));
  }, POLL_INTERVAL_MS);
  poll.unref();
  stream.once('close', () => clearInterval(poll));
}
