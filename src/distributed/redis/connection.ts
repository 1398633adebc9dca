import { Redis, type RedisOptions } from 'ioredis';
import { errorMessage, MachineError, UserError } from '../../core/errors.ts';
import { RedisKeys } from '../protocol/redis-keys.ts';
import { isFull, retryWhileFull } from './retry-when-full.ts';
import { WatchedConnector } from './watched-connector.ts';

/** Environment variable with the address, to keep a password out of the process list. */
const QUEUE_VARIABLE = 'NEUROFUZZ_QUEUE';

/** Delay between attempts to connect: initial and maximum. */
const MIN_RETRY_DELAY_MS = 200;
const MAX_RETRY_DELAY_MS = 10_000;

/** Attempts of the initial connection, and time that it waits for a Redis that is out of memory. */
const MAX_CONNECT_RETRIES = 6;
const INITIAL_FULL_TIMEOUT_MS = 5000;

/** Duration of an outage after which reconnecting is given up. */
const OUTAGE_TIMEOUT_MS = 15 * 60_000;

/** Address of a Redis server, which may contain a password. */
export interface QueueAddress {
  readonly url: URL;
  /** The address without user and password, for messages. */
  readonly displayUrl: string;
}

/**
 * Parses an address such as `redis://host:6379` or `rediss://user:password@host`.
 *
 * @param flag value of `--queue`; by default the environment variable
 * @throws UserError if there is none, or it is not the address of a Redis
 */
export function parseQueueAddress(flag: string | undefined): QueueAddress {
  const text = flag ?? process.env[QUEUE_VARIABLE];
  if (text === undefined || text === '')
    throw new UserError(
      `--queue: set the address of a Redis, such as redis://host:6379, here or in ${QUEUE_VARIABLE}`,
    );
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UserError('--queue must be an address such as redis://host:6379 or rediss://host:6380');
  }
  if (!['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    throw new UserError('--queue must be an address such as redis://host:6379 or rediss://host:6380');
  return { url, displayUrl: `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}` };
}

/**
 * Options of a connection that reconnects with growing delays.
 *
 * @param onGiveUp called when reconnecting is given up
 */
export function connectionOptions({ url }: QueueAddress, onGiveUp?: (error: Error) => void) {
  let outageStart: number | undefined;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    db: Number(url.pathname.slice(1) || 0),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
    maxRetriesPerRequest: null,
    enableReadyCheck: true,
    Connector: WatchedConnector,
    retryStrategy: (times: number): number | null => {
      const now = Date.now();
      if (times === 1) outageStart = now;
      if (now - (outageStart ?? now) > OUTAGE_TIMEOUT_MS) {
        onGiveUp?.(new MachineError('Redis was unreachable for a quarter of an hour'));
        return null;
      }
      return Math.min(MAX_RETRY_DELAY_MS, MIN_RETRY_DELAY_MS * 2 ** (times - 1));
    },
  } satisfies RedisOptions;
}

/**
 * Checks that a Redis is reachable, accepts the credentials, and has memory left.
 *
 * @param prefix prefix of all keys
 * @throws UserError if it rejects the credentials, MachineError if it is unreachable or out of memory
 */
export async function checkQueue(address: QueueAddress, prefix: string): Promise<void> {
  const client = new Redis({
    ...connectionOptions(address),
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    retryStrategy: (times) =>
      times > MAX_CONNECT_RETRIES ? null : Math.min(1000, MIN_RETRY_DELAY_MS * 2 ** (times - 1)),
  });
  let connectionError: Error | undefined;
  client.on('error', (error: Error) => {
    connectionError = error;
  });
  try {
    await client.connect();
    await client.ping();
    await retryWhileFull(
      () => client.set(`${prefix}:probe`, '1', 'EX', 10),
      (_, milliseconds) => milliseconds < INITIAL_FULL_TIMEOUT_MS,
    );
    await client.scard(new RedisKeys(prefix).sessions);
  } catch (error) {
    throw explainRedisError(connectionError ?? error, address);
  } finally {
    client.disconnect();
  }
}

/** Converts an error of Redis or its connection to one for users, which does not contain the password. */
export function explainRedisError(error: unknown, { displayUrl }: QueueAddress): UserError | MachineError {
  if (error instanceof UserError || error instanceof MachineError) return error;
  const text = errorMessage(error);
  if (/WRONGPASS|NOAUTH|invalid password|AUTH/i.test(text))
    return new UserError(`${displayUrl} refuses the password: set it in the address or in ${QUEUE_VARIABLE}`);
  const { code = '' } = error as { readonly code?: string };
  if (/CERT|SIGNATURE|SSL|TLS/.test(`${code} ${text}`))
    return new UserError(
      `${displayUrl} has an untrusted certificate (${text}): set NODE_EXTRA_CA_CERTS to the certificate file of its authority`,
    );
  if (/NOPERM/.test(text))
    return new UserError(`${displayUrl} does not permit this user to do that: ${text}`);
  if (isFull(error))
    return new MachineError(`${displayUrl} is full: raise its maxmemory, or stop other campaigns`);
  if (/WRONGTYPE/.test(text))
    return new UserError(
      `${displayUrl} has keys of another program under the same prefix: choose another --prefix`,
    );
  return new MachineError(`${displayUrl} cannot be reached (${text}): check that Redis is running there`);
}
