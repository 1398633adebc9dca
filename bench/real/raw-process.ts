/** Process that runs a model on the testcases that a campaign kept, repeatedly and on one thread: raw inference. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTestcase } from '../../src/inputs/testcase.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { RuntimeKind } from '../../src/model/model.ts';
import { type BatchBuffer, packBatch } from '../../src/model/testcase-batch.ts';
import { readManifest } from '../../src/storage/manifest-reader.ts';
import { serve } from '../../src/workers/rpc-server.ts';

const WARM_UP = 2;

const methods = {
  /**
   * Returns runs of one row a second.
   *
   * @param parameters.campaign folder of the campaign whose corpus fills the batch, over and over where it is small
   */
  async rate(parameters: {
    model: string;
    runtime: RuntimeKind;
    campaign: string;
    batch: number;
    milliseconds: number;
  }): Promise<number> {
    const model = new BatchedModel(await loadModel(parameters.model, { runtime: parameters.runtime }));
    const rows = Math.min(parameters.batch, model.maxBatchSize);
    const data = await corpusBatch(parameters.campaign, rows);
    for (let warm = 0; warm < WARM_UP; warm++) await model.run(data, rows, []);
    const start = performance.now();
    let count = 0;
    do {
      await model.run(data, rows, []);
      count += rows;
    } while (performance.now() - start < parameters.milliseconds);
    return (1000 * count) / (performance.now() - start);
  },
};

/** The first testcases of a campaign's corpus that have the same shapes, `rows` of them. */
async function corpusBatch(campaign: string, rows: number): Promise<BatchBuffer> {
  const { inputs } = await readManifest(campaign);
  const folder = join(campaign, 'corpus');
  const testcases = readdirSync(folder)
    .filter((name) => name.endsWith('.npz'))
    .slice(0, rows)
    .map((name) => decodeTestcase(inputs, readFileSync(join(folder, name)), name));
  const alike = testcases.filter(({ form }) => form.key === testcases[0].form.key);
  return packBatch(Array.from({ length: rows }, (_, row) => alike[row % alike.length]));
}

export type RawApi = typeof methods;

serve(methods);
