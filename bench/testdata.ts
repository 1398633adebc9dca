/**
 * Runs a folder of small ONNX models, such as that of Debian's libonnx-testdata, each with inputs: through `inspect`,
 * through the runtime, and through `fuzz --execs 500`, and prints which succeed.
 *
 *   npm run bench:testdata -- --data /usr/share/libonnx-testdata/data
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from '../src/campaign/run-campaign.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { UserError } from '../src/core/errors.ts';
import { ProcessDied } from '../src/workers/lifetime/process-died.ts';
import { ModelSession } from '../src/workers/model-session.ts';
import { RpcClient } from '../src/workers/rpc-client.ts';
import { silentMonitor, withFolder } from './campaign.ts';
import { tracked } from './progress.ts';
import type { TestdataApi } from './testdata-process.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '/usr/share/libonnx-testdata/data' },
    execs: { type: 'string', default: '500' },
    only: { type: 'string', default: '' },
  },
});

const observer = silentMonitor();
const session = new ModelSession();
let raw: RpcClient<TestdataApi> | undefined;

function rawProcess(): RpcClient<TestdataApi> {
  if (raw?.isAlive !== true) {
    const script = new URL('./testdata-process.js', import.meta.url);
    raw = new RpcClient({ script, timeout: 20_000, memory: 4e9 });
  }
  return raw;
}

/** Files sorted by number. */
function inputsOf(folder: string): string[] {
  const set = join(folder, 'test_data_set_0');
  if (!existsSync(set)) return [];
  const number = (name: string): number => Number(/_(\d+)\.pb$/.exec(name)?.[1]);
  return readdirSync(set)
    .filter((name) => name.startsWith('input_'))
    .sort((a, b) => number(a) - number(b))
    .map((name) => join(set, name));
}

/** Outcome of a step: `ok`, or the error; errors other than a one-line message for users are marked. */
async function outcome(step: () => Promise<unknown>): Promise<string> {
  try {
    await step();
    return 'ok';
  } catch (error) {
    const { message } = error as Error;
    const isRefusal = error instanceof UserError && !message.trim().includes('\n');
    return isRefusal ? message : `UNEXPECTED ${(error as Error).name}: ${message}`;
  }
}

/** Runs a campaign as a user would who follows the advice in each error message. */
async function fuzz(model: string, names: readonly string[], files: readonly string[], out: string) {
  const seeds = files.length > 0 ? Object.fromEntries(names.map((name, i) => [name, files[i]])) : undefined;
  const config = { model, out, execs: Number(options.execs), seed: '1', jobs: 1 };
  const within = (limit: number) => Object.fromEntries(names.map((name) => [name, [-limit, limit]]));
  const steps: readonly (readonly [message: RegExp, change: object])[] = [
    [/^/, { seeds }],
    [/its range is unknown/, { seeds, range: within(16) }],
    [/outside its range/, { seeds, range: within(10_000) }],
    [/seeds must be finite/, {}],
  ];
  let last: unknown = new UserError('');
  for (const [message, change] of steps) {
    if (!message.test((last as Error).message)) continue;
    try {
      await runCampaign(
        campaignSchema.parse({ ...config, ...change }),
        observer,
        new AbortController().signal,
      );
      return;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      last = error;
    }
  }
  throw last;
}

const reasons = new Map<string, number>();
const note = (step: string, why: string): void => {
  const kind = why
    .replace(/\/\S+\/\S+/g, '…')
    .replace(/'[^']*'|"[^"]*"|\(.*\)|\d+/g, '…')
    .slice(0, 110);
  reasons.set(`${step}: ${kind}`, (reasons.get(`${step}: ${kind}`) ?? 0) + 1);
};
const total = { models: 0, understood: 0, refused: 0, runnable: 0, fuzzed: 0, unexpected: 0 };

await withFolder(async (folder) => {
  const all = readdirSync(options.data, { recursive: true, encoding: 'utf8' });
  const models = all.filter((name) => name.endsWith('model.onnx') && name.includes(options.only)).sort();
  for (const name of tracked('test data', 'model', models)) {
    const path = join(options.data, name);
    total.models++;
    let names: readonly string[] = [];
    const understood = await outcome(async () => {
      const model = await session.load(path, { runtime: 'auto' });
      await session.shapes(model.watchable);
      names = model.inputs.map((input) => input.name);
    });
    if (understood === 'ok') total.understood++;
    else {
      total.refused++;
      note('inspect', understood);
    }
    const files = inputsOf(join(path, '..'));
    const fails = await rawProcess()
      .call('fails', { model: path, inputs: files })
      .catch((error: unknown) => (error instanceof ProcessDied ? error.message : Promise.reject(error)));
    if (fails === undefined) total.runnable++;
    else note('runtime', fails);
    const fuzzed =
      understood === 'ok'
        ? await outcome(() => fuzz(path, names, files, join(folder, String(total.models))))
        : 'refused by inspect';
    if (fuzzed === 'ok') total.fuzzed++;
    else if (fails === undefined) note('fuzz', fuzzed);
    const unexpected = [understood, fuzzed].some((text) => text.startsWith('UNEXPECTED'));
    if (unexpected) total.unexpected++;
    if (unexpected || (fails === undefined && fuzzed !== 'ok')) {
      process.stderr.write(`${relative(options.data, path)}: inspect ${understood}; fuzz ${fuzzed}\n`);
    }
  }
});
session.close();
raw?.kill();
process.stdout.write(`${JSON.stringify({ bench: 'testdata', ...total })}\n`);
for (const [why, count] of [...reasons].sort((a, b) => b[1] - a[1])) {
  process.stdout.write(`${JSON.stringify({ bench: 'testdata', count, why })}\n`);
}
