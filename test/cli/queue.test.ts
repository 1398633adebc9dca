import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { BUNDLED, digests, eventsOf } from '../support/campaign.ts';
import { type Ended, neurofuzz, start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { endAll, grown } from '../support/queue.ts';
import { freePort, TESTS_QUEUES, TestRedis } from '../support/redis.ts';
import { composeFaults } from '../support/schemas.ts';

const folder = testFolder();
const cache = join(folder, 'cache');

/** One campaign, in epochs; what it comes to may hang on nothing else. */
const CAMPAIGN = [...BUNDLED, '-s', 'queue', '-n', '9000', '--epoch', '24', '--keep', '2'];

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
  const running: ReturnType<typeof start>[] = [];

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
  }, 60_000);

  afterAll(async () => {
    await endAll(running);
    await redis.kill();
  });

  test('comes to the same bytes as alone, with two machines, one of which is killed', async () => {
    const [port, other] = [await freePort(), await freePort()];
    const [first] = [worker(), worker('--metrics', String(other))];
    const { out, ended } = campaign('two', '--metrics', `127.0.0.1:${port}`);
    await grown(out, 70);
    const own = await metricsAt(port);
    let machine: string;
    do machine = await metricsAt(other);
    while (/^neurofuzz_worker_campaigns 0$/m.test(machine));
    first.child.kill('SIGKILL');
    sameAsAlone(out, await ended);
    expect(own).toMatch(/^# TYPE neurofuzz_execs_total counter\nneurofuzz_execs_total \d+$/m);
    expect(own).toMatch(/^neurofuzz_queue_shards_total \d+$/m);
    expect(machine).toMatch(/^neurofuzz_worker_campaigns 1$/m);
    const kept = readdirSync(cache).filter((name) => !name.startsWith('.tmp-'));
    expect(kept).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    await endAll(running);
  }, 120_000);

  test('comes to the same bytes when Redis is killed and comes back without its memory', async () => {
    worker('--quiet');
    const { out, ended } = campaign('forgetful');
    await grown(out, 70);
    await redis.kill();
    await redis.start();
    const { code, stderr } = await ended;
    expect(stderr).toBe('');
    expect(code).toBe(1);
    expect(digests(out, 'corpus', 'findings')).toEqual(expected);
    await endAll(running);
  }, 120_000);

  test('comes to the same bytes when its coordinator is killed and resumed', async () => {
    worker('--quiet');
    const { out, child, ended } = campaign('resumed');
    await grown(out, 70);
    child.kill('SIGKILL');
    await ended;
    const again = await neurofuzz([...CAMPAIGN, '--resume', '--queue', redis.url, '-o', out]);
    sameAsAlone(out, again);
    expect(eventsOf(out).map(({ event }) => event)).toContain('resume');
    await endAll(running);
  }, 120_000);

  test('leaves nothing in Redis but models for an hour, and its password nowhere', async () => {
    const out = join(folder, 'clean');
    worker('--prefix', 'clean', '--quiet');
    const ended = await neurofuzz([...CAMPAIGN, '--queue', redis.url, '--prefix', 'clean', '-o', out]);
    sameAsAlone(out, ended);
    const client = redis.client();
    let left: string[];
    // The machine leaves within moments.
    do left = (await client.keys('clean:*')).filter((key) => !/^clean:(?:file|machine):|:ended$/.test(key));
    while (left.length > 0);
    client.disconnect();
    await endAll(running);
    const files = (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name));
    const told = files.filter((path) => statSync(path).isFile() && readFileSync(path).includes('s3cret'));
    expect(told).toEqual([]);
  }, 60_000);

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
    running.push(start([...machine.command, '--cache', cache], folder, env));
    const out = join(folder, 'composed');
    const places: Record<string, string> = {
      'campaign.yaml': resolve('corpora/broken-loss/campaign.yaml'),
      '/campaign': out,
    };
    const command = coordinator.command.map((word: string) => places[word] ?? word);
    const { child, stderr, ended } = start(command, folder, env);
    await grown(out, 20);
    for (;;) {
      const { stdout } = await neurofuzz(['workers', '--queue', redis.url, '--json']);
      const { machines } = JSON.parse(stdout);
      if (machines.length === 0 || machines[0].execs === 0) continue;
      const [{ sessions }] = machines;
      expect(machines).toEqual([expect.objectContaining({ refused: [], version: '0.1.0' })]);
      expect(sessions).toHaveLength(1);
      break;
    }
    child.kill('SIGINT');
    expect([(await ended).code, stderr()]).toEqual([1, expect.not.stringMatching(/"level":50/)]);
    await endAll(running);
  }, 60_000);

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
      const { code, stdout } = await neurofuzz(['nightly', file, '--json', '--quiet']);
      const { campaigns } = JSON.parse(stdout);
      const faults: { state: string }[] = campaigns.flatMap(
        (one: { faults: { state: string }[] }) => one.faults,
      );
      nights.push({ code, states: faults.map(({ state }) => state) });
      expect(campaigns.every(({ execs }: { execs: number }) => execs > 2000 * (n + 1))).toBe(true);
    }
    expect(nights[0]).toEqual({ code: 1, states: ['new', 'new'] });
    expect(nights[1]).toEqual({ code: 0, states: ['known', 'known'] });
    await endAll(running);
  }, 120_000);

  test('what cannot be is refused in a line', async () => {
    const run = (...args: string[]) =>
      neurofuzz([...BUNDLED, '-n', '10', '-o', join(folder, 'refused'), ...args]);
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
    expect(await neurofuzz(['worker', '--queue', wrong])).toMatchObject({ code: 2 });
    expect(await neurofuzz(['worker', '--queue', redis.url, '--jobs', '0'])).toMatchObject({ code: 2 });
    expect(await neurofuzz(['workers', '--queue', redis.url, '--prefix', 'a b'])).toMatchObject({ code: 2 });
  }, 90_000);
});
