import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import type { Monitor } from '../../../src/campaign/monitor/monitor.ts';
import type { runCampaign } from '../../../src/campaign/run-campaign.ts';
import type { campaignSchema } from '../../../src/config/schema.ts';
import type { RpcClient } from '../../../src/workers/rpc-client.ts';
import { built } from '../../support/built.ts';
import { digests } from '../../support/campaign.ts';
import { HANGS } from '../../support/command.ts';
import { fixedBatchOnnx } from '../../support/fixed-batch.ts';
import { testFolder } from '../../support/folder.ts';
import { writeLogOnnx, writeSeeds, writeSoftmaxOnnx } from '../../support/models.ts';

jest.setTimeout(HANGS);

const folder = testFolder();
let modules: {
  readonly runCampaign: typeof runCampaign;
  readonly campaignSchema: typeof campaignSchema;
  readonly RpcClient: typeof RpcClient;
};
let call: RpcClient<Record<string, (parameters: unknown) => unknown>>['call'];

beforeAll(async () => {
  modules = {
    ...(await built<Pick<typeof modules, 'runCampaign'>>('campaign/run-campaign.js')),
    ...(await built<Pick<typeof modules, 'campaignSchema'>>('config/schema.js')),
    ...(await built<Pick<typeof modules, 'RpcClient'>>('workers/rpc-client.js')),
  };
  call = modules.RpcClient.prototype.call;
});

afterEach(() => {
  modules.RpcClient.prototype.call = call;
});

/** From now on the process that gets the first call of one of these methods is killed while it works on that. */
function killAtFirstCalls(methods: readonly string[]): string[] {
  const killed: string[] = [];
  modules.RpcClient.prototype.call = function (method, ...rest) {
    const isAimed = methods.includes(method) && !killed.includes(method);
    // A process that goes on might answer before the signal ends it.
    if (isAimed) process.kill(this.pid, 'SIGSTOP');
    const answer = call.call(this, method, ...rest);
    if (isAimed) {
      killed.push(method);
      process.kill(this.pid, 'SIGKILL');
    }
    return answer as never;
  };
  return killed;
}

async function campaign(name: string, settings: object) {
  const warnings: string[] = [];
  const monitor: Monitor = {
    info() {},
    warn: (text) => warnings.push(text),
    onStart() {},
    onPhase() {},
    onFault() {},
    onThresholdChange() {},
    onStatistics() {},
  };
  const out = join(folder, name);
  const config = modules.campaignSchema.parse({ seed: '1', jobs: 1, maxDisk: '1GB', out, ...settings });
  const { coverage, statistics } = await modules.runCampaign(config, monitor, new AbortController().signal);
  const { execs, corpus } = statistics;
  const recorded = readFileSync(join(out, 'campaign.yaml'), 'utf8').replaceAll(out, '');
  return { digests: digests(out, 'corpus', 'findings'), coverage, execs, corpus, recorded, warnings };
}

function fixedBatchModel(): string {
  const path = join(folder, 'fixed.onnx');
  writeFileSync(path, fixedBatchOnnx());
  return path;
}

test.each([
  [
    'one model with findings',
    () => ({
      model: writeLogOnnx(folder),
      seeds: writeSeeds(folder, [
        [1, 2, 3, 4],
        [4, 3, 2, 1],
      ]),
      range: [-1, 5],
      execs: 500,
      keep: 1,
    }),
    [
      'describeObjectives',
      'load',
      'tryRun',
      'probe',
      'reachableSites',
      'observableGoals',
      'lookAtBatches',
      'prepare',
      'runSeeds',
      'calibrate',
      'runTask',
      'open',
      'reproduce',
    ],
  ],
  [
    'a quantized copy',
    () => ({
      model: writeSoftmaxOnnx(folder),
      range: [-1, 1],
      quantize: 'float16',
      objective: 'quantization',
      execs: 500,
    }),
    ['deriveQuantizedModel', 'measureNoise', 'calibrate'],
  ],
  [
    'a batch that is opened',
    () => ({ model: fixedBatchModel(), range: [-1, 1], execs: 300 }),
    ['openBatch', 'probe', 'calibrate'],
  ],
])(
  '%s: a campaign whose process is killed in each step is the one without kills',
  async (name, settings, steps) => {
    const { warnings: none, ...undisturbed } = await campaign(`${name}-whole`, settings());
    const killed = killAtFirstCalls(steps);
    const { warnings, ...disturbed } = await campaign(`${name}-killed`, settings());
    expect(killed).toEqual(steps);
    expect(disturbed).toEqual(undisturbed);
    expect(none.join()).not.toContain('from outside');
    for (const step of steps.slice(0, 3))
      expect(warnings.join('\n')).toMatch(new RegExp(`SIGKILL from outside.*${step}`));
  },
);
