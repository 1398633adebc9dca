import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { RpcClient, RpcClientOptions } from '../../src/workers/rpc-client.ts';
import { built } from '../support/built.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const script = pathToFileURL(join(folder, 'service.mjs'));

/** A service of this test, on the server as it is built. */
const SERVICE = `
import { changeLimits, heartbeat, serve } from ${JSON.stringify(pathToFileURL(resolve('dist/src/workers/rpc-server.js')).href)};
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const log = [];
const held = [];
serve({
  double: (value) => 2 * value,
  buffer: (length) => new Float32Array(length).fill(1.5),
  folder: () => process.env.TMPDIR,
  async note(name) {
    log.push('begin ' + name);
    await pause(20);
    log.push('end ' + name);
    return [...log];
  },
  fail({ name, message }) {
    throw Object.assign(new Error(message), { name });
  },
  exit(code) {
    process.stderr.write('first line\\nlast words\\n');
    process.exit(code);
  },
  uncaught: (code) => new Promise(() => setTimeout(() => {
    throw Object.assign(new Error(code + ': no more of it, open /x'), { code });
  })),
  lacking(code) {
    throw Object.assign(new Error(code + ': no more of it, open /x'), { code });
  },
  reference: (victim) => ({ arrayFile: victim, type: 'Uint8Array', length: 3 }),
  abort: () => process.kill(process.pid, 'SIGABRT'),
  killed: () => process.kill(process.pid, 'SIGKILL'),
  block: () => { for (;;); },
  async beating(ms) {
    const until = performance.now() + ms;
    while (performance.now() < until) { heartbeat(); await pause(10); }
    return 'done';
  },
  hold: (bytes) => { held.push(Buffer.alloc(bytes, 1)); for (;;); },
  loading(memory) { changeLimits({ loading: { memory, seconds: 1e6 } }); held.push(Buffer.alloc(3e8, 1)); for (;;); },
});
`;

interface Service {
  readonly [method: string]: (parameters: unknown) => unknown;
}

let module: { readonly RpcClient: new (options: RpcClientOptions) => RpcClient<Service> };
const clients: RpcClient<Service>[] = [];

function start(options: Partial<RpcClientOptions> = {}): RpcClient<Service> {
  const client = new module.RpcClient({ script, timeout: 60_000, memory: 4e9, ...options });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  writeFileSync(join(folder, 'service.mjs'), SERVICE);
  module = await built('workers/rpc-client.js');
});

afterEach(() => {
  for (const client of clients.splice(0)) client.kill();
});

test('calls are answered one after the other, in the order in which they are made', async () => {
  const client = start();
  const answers = await Promise.all(['a', 'b'].map((name) => client.call('note', name)));
  expect(answers).toEqual([
    ['begin a', 'end a'],
    ['begin a', 'end a', 'begin b', 'end b'],
  ]);
});

test('typed arrays pass as they are', async () => {
  const values = await start().call('buffer', 3);
  expect(Object.prototype.toString.call(values)).toBe('[object Float32Array]');
  expect([...(values as Float32Array)]).toEqual([1.5, 1.5, 1.5]);
});

test.each(['UserError', 'MachineError', 'Error'])('an error of class %s keeps it', async (name) => {
  await expect(start().call('fail', { name, message: 'so it is' })).rejects.toMatchObject({
    name,
    message: 'so it is',
  });
});

test('temporary files go to the folder given', async () => {
  expect(await start({ tempFolder: folder }).call('folder', undefined)).toBe(folder);
});

test('what looks like a large array in a file is data: nothing is read and nothing removed', async () => {
  const victim = join(folder, 'victim');
  writeFileSync(victim, 'abc');
  const sent = { arrayFile: victim, type: 'Uint8Array', length: 3 };
  expect(await start().call('reference', victim)).toEqual(sent);
  expect(readFileSync(victim, 'utf8')).toBe('abc');
});

test('the memory held is reported', async () => {
  const client = start();
  await client.call('beating', 1200);
  expect(client.memory.rss).toBeGreaterThan(1e6);
  expect(client.memory.peak).toBeGreaterThanOrEqual(client.memory.rss);
  expect(client.pid).toBeGreaterThan(0);
});

describe('a process that ends', () => {
  test.each([
    [
      'exit',
      3,
      { kind: 'crash', exitStatus: 'exit 3', message: 'the process ended with exit 3: last words' },
    ],
    ['abort', undefined, { kind: 'crash', exitStatus: 'SIGABRT', isFromOutside: false }],
    ['killed', undefined, { kind: 'crash', exitStatus: 'SIGKILL', isFromOutside: true }],
  ])('by %s rejects the call', async (method, parameters, death) => {
    const client = start();
    await expect(client.call(method, parameters)).rejects.toMatchObject({ name: 'ProcessDied', ...death });
    expect(client.isAlive).toBe(false);
    await expect(client.call('double', 1)).rejects.toMatchObject(death);
  });

  test('by an exception that nobody caught is a crash that says which', async () => {
    await expect(start().call('uncaught', 'EODD')).rejects.toMatchObject({
      name: 'ProcessDied',
      kind: 'crash',
      message: 'the process ended with exit 1: Error: EODD: no more of it, open /x',
    });
  });

  test.each(['uncaught', 'lacking'])(
    'for lack of descriptors is the failure of the machine (%s)',
    async (method) => {
      await expect(start().call(method, 'EMFILE')).rejects.toMatchObject({
        name: 'MachineError',
        message: expect.stringMatching(/too many open files|EMFILE/),
      });
    },
  );

  test('takes waiting calls with it', async () => {
    const client = start();
    const deaths = await Promise.allSettled([client.call('abort', 0), client.call('double', 1)]);
    expect(deaths.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('by what it holds says so', async () => {
    await expect(start({ memory: 4e8 }).call('hold', 6e8)).rejects.toMatchObject({
      kind: 'memory',
      isFromOutside: false,
      mayBeChance: false,
    });
  });

  test('by its limits of loading says which', async () => {
    await expect(start().call('loading', 1e8)).rejects.toMatchObject({
      message: expect.stringContaining('neurofuzz: takes more than 0.1 GB of memory'),
      isFromOutside: false,
      mayBeChance: false,
    });
  });
});

test('a process that is stopped is not blamed for its silence', async () => {
  const client = start();
  await client.call('double', 1);
  process.kill(client.pid, 'SIGSTOP');
  const answer = client.call('double', 21, 1500);
  await new Promise((done) => setTimeout(done, 3000));
  process.kill(client.pid, 'SIGCONT');
  expect(await answer).toBe(42);
});

test('a call without a heartbeat is a hang, one with heartbeats is none however long it takes', async () => {
  const client = start();
  await client.call('double', 1);
  await expect(client.call('block', undefined, 500)).rejects.toMatchObject({ kind: 'hang' });
  const beating = start();
  await beating.call('double', 1);
  expect(await beating.call('beating', 3000, 2000)).toBe('done');
});
