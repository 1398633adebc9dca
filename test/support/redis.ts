import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { Redis } from 'ioredis';

/** Whether queues are tested: always in CI, else where there is a redis-server. */
export const TESTS_QUEUES = process.env.CI !== undefined || hasRedis();

function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Ports below those that the system gives to connections, which may take one at any moment. */
const PORTS = { from: 10_000, count: 20_000 };

/** A port that nobody listens on, and that nobody is given unasked. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + randomInt(PORTS.count);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

/** A real Redis of a test's own, which keeps nothing on disk. */
export class TestRedis {
  readonly port: number;
  readonly #password: string | undefined;
  #process: ChildProcess | undefined;

  private constructor(port: number, password: string | undefined) {
    this.port = port;
    this.#password = password;
  }

  static async start(password?: string): Promise<TestRedis> {
    for (let tries = 0; tries < 5; tries++) {
      const redis = new TestRedis(await freePort(), password);
      // Somebody else may have taken the port meanwhile.
      if (await redis.#begin()) return redis;
    }
    throw new Error('redis-server cannot be started');
  }

  get url(): string {
    const user = this.#password === undefined ? '' : `:${this.#password}@`;
    return `redis://${user}127.0.0.1:${this.port}`;
  }

  /** Starts it again at the same port, with nothing in it. */
  async start(): Promise<void> {
    if (!(await this.#begin())) throw new Error(`redis-server cannot be started again at port ${this.port}`);
  }

  /** Whether our own server answers. */
  async #begin(): Promise<boolean> {
    const flags = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const auth = this.#password === undefined ? [] : ['--requirepass', this.#password];
    const child = spawn('redis-server', [...flags, ...auth], { stdio: 'ignore' });
    this.#process = child;
    const client = this.client();
    const ended = new Promise<string>((done) => {
      child.once('error', () => done(''));
      child.once('exit', () => done(''));
    });
    try {
      const told = await Promise.race([client.info('server'), ended]);
      return new RegExp(`^process_id:${child.pid}\\r?$`, 'm').test(told);
    } catch {
      return false;
    } finally {
      client.disconnect();
    }
  }

  client(): Redis {
    return new Redis(this.url, { retryStrategy: () => 50, maxRetriesPerRequest: 1200 }).on('error', () => {});
  }

  /** Ends it at once; all that it held is lost. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await ended;
  }
}

/** A block of tests that share a Redis; left out where there is none. */
export function describeOnRedis(name: string, tests: (client: () => Redis) => void): void {
  (TESTS_QUEUES ? describe : describe.skip)(name, () => {
    let redis: TestRedis;
    let client: Redis;
    beforeAll(async () => {
      redis = await TestRedis.start();
      client = redis.client();
    });
    afterAll(async () => {
      client.disconnect();
      await redis.kill();
    });
    tests(() => client);
  });
}
