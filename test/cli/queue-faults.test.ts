import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { disturbed } from '../../bench/disturbed.ts';
import { canMakeHosts } from '../../bench/hosts.ts';
import { packMessage, unpackMessage } from '../../src/distributed/protocol/codec.ts';
import type { Descriptor } from '../../src/distributed/protocol/messages.ts';
import { DEFAULT_PREFIX, RedisKeys } from '../../src/distributed/protocol/redis-keys.ts';
import { refreshHeartbeat } from '../../src/distributed/protocol/session.ts';
import { BUNDLED, digests } from '../support/campaign.ts';
import {
  amid,
  neurofuzz,
  neurofuzzProcess,
  processesOf,
  type Running,
  start,
  until,
} from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { endAll } from '../support/queue.ts';
import { freePort, TESTS_QUEUES, TestRedis } from '../support/redis.ts';

const folder = testFolder();
const cache = join(folder, 'cache');
const keys = new RedisKeys(DEFAULT_PREFIX);

/** One campaign, in epochs; what it comes to may hang on nothing else. */
const CAMPAIGN = [
  ...BUNDLED.filter((flag) => flag !== '--quiet'),
  '-s',
  'queue',
  '-n',
  '30000',
  '--epoch',
  '24',
  '--keep',
  '2',
];

(TESTS_QUEUES ? describe : describe.skip)('what goes wrong on a queue', () => {
  let redis: TestRedis;
  let expected: Record<string, string>;
  const running: Running[] = [];

  const worker = (args: readonly string[] = [], cwd?: string) => {
    const one = start(['worker', '--queue', redis.url, '--cache', cache, '-j', '1', ...args], cwd);
    running.push(one);
    return one;
  };
  const campaign = (name: string) => {
    const out = join(folder, name);
    return { out, ...start([...CAMPAIGN, '--queue', redis.url, '-o', out]) };
  };
  beforeAll(async () => {
    redis = await TestRedis.start();
    const alone = join(folder, 'alone');
    expect((await neurofuzz([...CAMPAIGN, '-j', '1', '-o', alone])).code).toBe(1);
    expected = digests(alone, 'corpus', 'findings');
  });

  afterAll(async () => {
    await endAll(running);
    await redis.kill();
  });

  test('shards that are delivered twice and results that come twice, late or damaged change nothing', async () => {
    const [client, blocking] = [redis.client(), redis.client()];
    const { stderr } = worker();
    const own = campaign('doubled');
    let isOver = false;
    const over = own.ended.then((result) => {
      isOver = true;
      blocking.disconnect();
      return result;
    });
    await until('a session', async () => (await client.smembers(keys.sessions)).length > 0, own);
    const [session] = await client.smembers(keys.sessions);
    const results = keys.results(session);
    const queue = new Queue(keys.queue(session), {
      connection: client,
      prefix: DEFAULT_PREFIX,
      skipVersionCheck: true,
    });
    queue.on('error', () => {});
    await client.rpush(results, Buffer.from('no result at all'));
    const doubled = new Set<string>();
    let late = 0;
    const doubling = async (): Promise<void> => {
      for (; !isOver && doubled.size < 12; await pause(10))
        for (const { data } of await queue.getJobs(['waiting', 'active'])) {
          if (data === undefined || doubled.has(data.id)) continue;
          doubled.add(data.id);
          await queue.add('shard', data, { jobId: `again-${doubled.size}` });
        }
    };
    // Whoever has waited longest is served first: the coordinator and this in turn.
    const delaying = async (): Promise<void> => {
      while (late < 8) {
        const taken = await blocking.blpopBuffer(results, 0).catch(() => null);
        if (taken === null) return;
        late++;
        await pause(100);
        await client.rpush(results, taken[1], taken[1]);
      }
    };
    const [{ code, stderr: said }] = await Promise.all([over, doubling(), delaying()]);
    expect(code).toBe(1);
    expect(digests(own.out, 'corpus', 'findings')).toEqual(expected);
    expect(Math.min(doubled.size, late)).toBeGreaterThan(3);
    expect(said).toMatch(/damaged|not from this version/);
    expect(stderr()).not.toMatch(/ {2}error: /);
    await queue.close();
    client.disconnect();
    await endAll(running);
  });

  test('a full Redis is waited for: in the middle nothing is lost, and at the start it is an error of the machine', async () => {
    const client = redis.client();
    const { stderr: said } = worker();
    const own = campaign('full');
    await amid(own, 'its machine', () => said().includes('joined'));
    await client.config('SET', 'maxmemory', '1mb');
    const refused = await neurofuzzProcess([...CAMPAIGN, '--queue', redis.url, '-o', join(folder, 'never')]);
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringMatching(/is full: raise its maxmemory/) });
    await amid(own, 'a word on the full Redis', () => /is full: .*; trying again/.test(own.stderr()));
    await client.config('SET', 'maxmemory', '0');
    client.disconnect();
    expect((await own.ended).code).toBe(1);
    expect(digests(own.out, 'corpus', 'findings')).toEqual(expected);
    await endAll(running);
  });

  test('machines of another version, or that compute otherwise, do not take part; keys of somebody else are told', async () => {
    const client = redis.client();
    const machine = worker();
    const { stderr } = machine;
    const others = campaign('others');
    let session = '';
    let bytes: Buffer | null = null;
    await until(
      'a session with its descriptor',
      async () => {
        [session = ''] = await client.smembers(keys.sessions);
        bytes = await client.getBuffer(keys.descriptor(session));
        return bytes !== null;
      },
      others,
    );
    const own = unpackMessage(bytes as unknown as Buffer) as Descriptor;
    const tell = async (letter: string, change: Partial<Descriptor>): Promise<void> => {
      const other = letter.repeat(32);
      await client.set(
        keys.descriptor(other),
        packMessage({ ...own, ...change, session: other, name: letter }),
      );
      await refreshHeartbeat({ redis: client, keys, session: other });
    };
    const [{ data, activations }] = own.referenceRuns;
    const rounded = Float32Array.from(activations);
    rounded[0] += Math.abs(rounded[0]) * 2 ** -23;
    await tell('a', { version: '9.9.9' });
    await tell('b', { referenceRuns: [{ data, activations: rounded }] });
    await tell('c', { files: [{ path: '/etc/passwd', main: '../passwd', files: own.model.files }] });
    await tell('d', { setup: { ...own.setup, criterion: resolve('test/support/folder.ts') } });
    await until('four refusals', () => (stderr().match(/cannot join/g) ?? []).length >= 4, machine);
    expect(stderr()).toMatch(
      /cannot join a{32}: it was started with neurofuzz 9\.9\.9, and this machine has/,
    );
    expect(stderr()).toMatch(/cannot join b: .* in the last digits: fuzz --mixed/);
    expect(stderr()).toMatch(/cannot join c{32}: .* must lie in its folder/);
    expect(stderr()).toMatch(/cannot join d: .* was not transferred/);
    expect((await others.ended).code).toBe(1);
    await endAll(running);
    await client.flushall();
    await client.set(keys.sessions, 'a shopping list');
    for (const command of [['workers'], ['worker'], [...CAMPAIGN, '-o', join(folder, 'never')]])
      expect(await neurofuzzProcess([...command, '--queue', redis.url])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/has keys of another program under the same prefix/),
      });
    await client.flushall();
    client.disconnect();
  });

  test('a machine that has lost its model leaves the campaign to others for a while, and fetches it anew', async () => {
    const own = join(folder, 'own-cache');
    const machine = worker(['--cache', own]);
    const { stderr } = machine;
    const mended = campaign('mended');
    await amid(mended, 'its machine', () => stderr().includes('joined'));
    rmSync(own, { recursive: true, maxRetries: 10 });
    const processes = processesOf(machine);
    expect(processes).not.toEqual([]);
    for (const pid of processes) process.kill(pid, 'SIGKILL');
    expect((await mended.ended).code).toBe(1);
    expect(stderr()).toMatch(/cannot read the model .*; leaving it for 10 s/);
    expect(stderr().match(/ joined /g)).toHaveLength(2);
    expect(digests(mended.out, 'corpus', 'findings')).toEqual(expected);
    await endAll(running);
  });

  test('texts, their vocabulary and list come along; a plug-in does where its package is installed and named', async () => {
    const code = `export default {
      kind: 'objective', name: 'double', parameters: [],
      make: () => ({ judge(run, report) {
        const said = run.texts;
        for (let row = 0; row < run.rows; row++)
          if (said && /[A-Z]{2}|([a-z])\\1\\1/.test(said[row].prompt))
            report(row, { objective: 'double', signature: 'double', summary: 'double', tensors: [], details: {} });
      } }),
    };`;
    const packages = ['home/rules', 'site/node_modules/our-rules'].map((name) => join(folder, name));
    for (const place of packages) {
      mkdirSync(place, { recursive: true });
      writeFileSync(
        join(place, 'package.json'),
        '{"name": "our-rules", "version": "1.2.0", "type": "module"}',
      );
      writeFileSync(join(place, 'index.js'), code);
    }
    const flags = [
      ...['fuzz', '-c', resolve('corpora/char-lm/campaign.yaml'), '-n', '600', '-s', '1', '--keep', '1'],
      ...['--epoch', '16', '--objective', `text:words,file=${resolve('corpora/char-lm/forbidden.txt')}`],
      join(packages[0], 'index.js'),
    ];
    const [alone, out] = [join(folder, 'texts-alone'), join(folder, 'texts')];
    const { code: expectedCode } = await neurofuzzProcess([...flags, '-o', alone]);
    const { stderr } = worker([], join(folder, 'site'));
    const own = start([...flags, '--queue', redis.url, '-o', out]);
    await amid(own, 'a refusal', () => stderr().includes('cannot join'));
    expect(stderr()).toMatch(/needs the plug-in package our-rules 1\.2\.0, .*start with --plugin our-rules/);
    worker(['--plugin', 'our-rules', '--quiet'], join(folder, 'site'));
    expect((await own.ended).code).toBe(expectedCode);
    expect(digests(out, 'corpus', 'findings')).toEqual(digests(alone, 'corpus', 'findings'));
    await endAll(running);
  });

  test('with TLS its certificate must be trusted', async () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
        ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert],
      ],
      { stdio: 'ignore' },
    );
    const port = String(await freePort());
    const server = spawn(
      'redis-server',
      [
        ...['--port', '0', '--tls-port', port, '--tls-cert-file', cert, '--tls-key-file', key],
        ...['--tls-auth-clients', 'no', '--save', '', '--requirepass', 's3cret'],
      ],
      { stdio: 'ignore' },
    );
    try {
      const url = `rediss://:s3cret@127.0.0.1:${port}`;
      const tls = { ca: readFileSync(cert) };
      const client = new Redis(url, { tls, retryStrategy: () => 50, maxRetriesPerRequest: 1200 });
      await client.on('error', () => {}).ping();
      client.disconnect();
      const workers = (env: Record<string, string>) =>
        spawnSync(process.execPath, [resolve('bin/neurofuzz.js'), 'workers', '--json'], {
          encoding: 'utf8',
          env: { ...process.env, NEUROFUZZ_QUEUE: url, ...env },
        });
      const trusted = workers({ NODE_EXTRA_CA_CERTS: cert });
      expect([trusted.status, JSON.parse(trusted.stdout)]).toEqual([0, { machines: [] }]);
      const { status, stderr } = workers({});
      expect(status).toBe(2);
      expect(stderr).toMatch(/has an untrusted certificate .* NODE_EXTRA_CA_CERTS [^\n]+\n$/);
    } finally {
      server.kill('SIGKILL');
    }
  });

  (canMakeHosts() ? test : test.skip)(
    'on three hosts, of which one is cut off, one killed and one, with the coordinator, resumed, it comes to the same bytes',
    async () => {
      const out = join(folder, 'hosts');
      const { code, stderr } = await disturbed(out, join(folder, 'caches'), {
        flags: CAMPAIGN,
        jobs: 1,
        cut: 12,
        killAfter: 0,
        cutAt: 0,
        killLater: 1,
      });
      expect([code, stderr]).toEqual([1, expect.not.stringMatching(/ {2}error: /)]);
      expect(digests(out, 'corpus', 'findings')).toEqual(expected);
    },
  );
});
