import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { BUNDLED, confirmedFindings, digests, eventsOf, savedExecs } from '../support/campaign.ts';
import {
  amid,
  type Ended,
  neurofuzz,
  neurofuzzProcess,
  type Running,
  start,
  until,
} from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { endAll } from '../support/queue.ts';
import { freePort, TESTS_QUEUES, TestRedis } from '../support/redis.ts';
import { composeFaults } from '../support/schemas.ts';

const folder = testFolder();
const cache = join(folder, 'cache');

/** One campaign, in epochs; what it comes to may hang on nothing else. */
const CAMPAIGN = [...BUNDLED, '-s', 'queue', '-n', '15000', '--epoch', '24', '--keep', '2'];

/** What is told at a port; empty while nobody answers. */
async function metricsAt(port: number): Promise<string> {
  return fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => '',
  );
}

(TESTS_QUEUES ? describe : describe.skip)('a campaign on a queue', () => {
  let redis: TestRedis;
  let expected: Record<string, string>;
  const running: Running[] = [];

  const worker = (...args: string[]) => {
    const one = start(['worker', '--queue', redis.url, '--cache', cache, '-j', '1', ...args]);
    running.push(one);
    return one;
  };

  const campaign = (name: string, ...flags: string[]) => {
    const out = join(folder, name);
    return { out, ...start([...CAMPAIGN, '--queue', redis.url, '-o', out, ...flags]) };
  };

  const sameAsAlone = (out: string, { code, stderr }: Ended): void => {
    expect([code, stderr]).toEqual([1, '']);
    expect(digests(out, 'corpus', 'findings')).toEqual(expected);
  };

  beforeAll(async () => {
    redis = await TestRedis.start('s3cret');
    const alone = join(folder, 'alone');
    expect((await neurofuzz([...CAMPAIGN, '-j', '1', '-o', alone])).code).toBe(1);
    expected = digests(alone, 'corpus', 'findings');
  });

  afterAll(async () => {
    await endAll(running);
    await redis.kill();
  });

  test('comes to the same bytes as alone, with two machines, one of which is killed', async () => {
    const [port, other] = [await freePort(), await freePort()];
    const [first, second] = [worker(), worker('--metrics', String(other))];
    for (const machine of [first, second])
      await until('a machine', () => machine.stderr().includes('waiting for campaigns'), machine);
    const two = campaign('two', '--metrics', `127.0.0.1:${port}`);
    let [own, machine] = ['', ''];
    await amid(two, 'mutants, and both machines', async () => {
      [own, machine] = [await metricsAt(port), await metricsAt(other)];
      const areThere = [first, second].every(({ stderr }) => stderr().includes('joined'));
      return areThere && /^neurofuzz_execs_total [1-9]/m.test(own);
    });
    first.child.kill('SIGKILL');
    sameAsAlone(two.out, await two.ended);
    expect(own).toMatch(/^# TYPE neurofuzz_execs_total counter\nneurofuzz_execs_total \d+$/m);
    expect(own).toMatch(/^neurofuzz_queue_shards_total \d+$/m);
    expect(machine).toMatch(/^neurofuzz_worker_campaigns 1$/m);
    const kept = readdirSync(cache).filter((name) => !name.startsWith('.tmp-'));
    expect(kept).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    await endAll(running);
  });

  test('comes to the same bytes when Redis is killed and comes back without its memory', async () => {
    worker('--quiet');
    const forgetful = campaign('forgetful');
    await amid(forgetful, 'a checkpoint on the way', () => savedExecs(forgetful.out) > 0);
    await redis.kill();
    await redis.start();
    sameAsAlone(forgetful.out, await forgetful.ended);
    await endAll(running);
  });

  test('comes to the same bytes when its coordinator is killed and resumed', async () => {
    worker('--quiet');
    const resumed = campaign('resumed');
    const { out } = resumed;
    await amid(resumed, 'a checkpoint on the way', () => savedExecs(out) > 0);
    resumed.child.kill('SIGKILL');
    expect((await resumed.ended).code).toBe(null);
    const again = await neurofuzzProcess([...CAMPAIGN, '--resume', '--queue', redis.url, '-o', out]);
    sameAsAlone(out, again);
    expect(eventsOf(out).map(({ event }) => event)).toContain('resume');
    await endAll(running);
  });

  test('leaves nothing in Redis but models for an hour, and its password nowhere', async () => {
    const out = join(folder, 'clean');
    worker('--prefix', 'clean', '--quiet');
    const ended = await neurofuzzProcess([...CAMPAIGN, '--queue', redis.url, '--prefix', 'clean', '-o', out]);
    sameAsAlone(out, ended);
    const client = redis.client();
    await until('a Redis without keys of the campaign', async () => {
      const keys = await client.keys('clean:*');
      return keys.every((key) => /^clean:(?:file|machine):|:ended$/.test(key));
    });
    client.disconnect();
    await endAll(running);
    const files = (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name));
    const told = files.filter((path) => statSync(path).isFile() && readFileSync(path).includes('s3cret'));
    expect(told).toEqual([]);
  });

  test("the Compose file's and the manifests' commands do a campaign together; machines are listed with what they do", async () => {
    const compose = parse(readFileSync('examples/machines/compose.yaml', 'utf8'));
    expect(composeFaults(compose)).toEqual([]);
    const { coordinator, worker: machine, redis: server } = compose.services;
    const manifests = parseAllDocuments(readFileSync('examples/machines/kubernetes.yaml', 'utf8'));
    const argsOf = (name: string): string[] =>
      manifests
        .map((one) => one.toJS())
        .find(({ kind, metadata }) => kind !== 'Service' && metadata.name === `neurofuzz-${name}`).spec
        .template.spec.containers[0].args;
    expect(argsOf('coordinator')).toEqual(coordinator.command);
    expect(argsOf('worker')).toEqual(machine.command);
    expect(argsOf('redis').join(' ')).toBe(server.command.replace('""', '').replace('"" ', ''));
    const env = { NEUROFUZZ_QUEUE: redis.url };
    // Machines of tests before, of which one was killed, are listed for some time.
    const client = redis.client();
    await client.flushdb();
    client.disconnect();
    running.push(start([...machine.command, '--cache', cache], folder, env));
    const out = join(folder, 'composed');
    const places: Record<string, string> = {
      'campaign.yaml': resolve('corpora/broken-loss/campaign.yaml'),
      '/campaign': out,
    };
    const command = coordinator.command.map((word: string) => places[word] ?? word);
    const composed = start([...command, '--seed', '1'], folder, env);
    await amid(composed, 'a finding', () => confirmedFindings(out).length > 0);
    let machines: { readonly execs: number; readonly sessions: readonly string[] }[] = [];
    await amid(composed, 'a machine that has said what it did', async () => {
      const { stdout } = await neurofuzzProcess(['workers', '--queue', redis.url, '--json']);
      machines = JSON.parse(stdout).machines;
      return machines.length > 0 && machines[0].execs > 0;
    });
    expect(machines).toEqual([expect.objectContaining({ refused: [], version: '0.1.0' })]);
    expect(machines[0].sessions).toHaveLength(1);
    composed.child.kill('SIGINT');
    expect([(await composed.ended).code, composed.stderr()]).toEqual([
      1,
      expect.not.stringMatching(/ {2}error: /),
    ]);
    await endAll(running);
  });

  test('a night runs its campaigns side by side on the machines, and knows on the second what it found on the first', async () => {
    worker('--quiet');
    const file = join(folder, 'nightly.yaml');
    const place = (name: string) => resolve('corpora', name, 'campaign.yaml');
    writeFileSync(
      file,
      `time: 10m\nout: nights\nminimize: 0\nqueue: ${redis.url}\ncampaigns:\n  pair: { config: ${place('quantized-digits')}, execs: 3000, epoch: 24, seed: '1' }\n  loss: { config: ${place('broken-loss')}, execs: 3000, epoch: 24, seed: '1' }\n`,
    );
    const nights: { code: number | null; states: string[] }[] = [];
    for (let n = 0; n < 2; n++) {
      const { code, stdout } = await neurofuzzProcess(['nightly', file, '--json', '--quiet']);
      const { campaigns } = JSON.parse(stdout);
      const faults: { state?: string }[] = campaigns.flatMap(
        (one: { faults: { state?: string }[] }) => one.faults,
      );
      // Ties have no state.
      nights.push({ code, states: faults.flatMap(({ state }) => state ?? []) });
      expect(campaigns.every(({ execs }: { execs: number }) => execs > 2000 * (n + 1))).toBe(true);
    }
    expect(nights[0]).toEqual({ code: 1, states: ['new', 'new'] });
    expect(nights[1]).toEqual({ code: 0, states: ['known', 'known'] });
    await endAll(running);
  });

  test('what cannot be is refused in a line', async () => {
    const run = (...args: string[]) =>
      neurofuzzProcess([...BUNDLED, '-n', '10', '-o', join(folder, 'refused'), ...args]);
    const wrong = redis.url.replace('s3cret', 'other');
    expect(await run('--queue', wrong)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/refuses the password/),
    });
    expect(await run('--queue', 'redis://127.0.0.1:1')).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^neurofuzz: redis:\/\/127\.0\.0\.1:1 cannot be reached .*\n$/),
    });
    expect(await run('--queue', 'localhost')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--queue must be an address/),
    });
    const plugin = join(folder, 'own.js');
    writeFileSync(plugin, "export default { kind: 'objective', name: 'own', make: () => ({ judge() {} }) };");
    expect(await run('--queue', redis.url, '-O', plugin)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/plug-in/),
    });
    expect(await neurofuzzProcess(['worker', '--queue', wrong])).toMatchObject({ code: 2 });
    expect(await neurofuzz(['worker', '--queue', redis.url, '--jobs', '0'])).toMatchObject({ code: 2 });
    expect(await neurofuzzProcess(['workers', '--queue', redis.url, '--prefix', 'a b'])).toMatchObject({
      code: 2,
    });
  });
});
