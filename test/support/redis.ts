import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
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

/** A port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
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
    const redis = new TestRedis(await freePort(), password);
    await redis.start();
    return redis;
  }

  get url(): string {
    const user = this.#password === undefined ? '' : `:${this.#password}@`;
    return `redis://${user}127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const flags = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const auth = this.#password === undefined ? [] : ['--requirepass', this.#password];
    this.#process = spawn('redis-server', [...flags, ...auth], { stdio: 'ignore' });
    const client = this.client();
    await client.ping();
    client.disconnect();
  }

  client(): Redis {
    return new Redis(this.url, { retryStrategy: () => 50, maxRetriesPerRequest: 200 }).on('error', () => {});
  }

  /** Ends it at once; all that it held is lost. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
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
