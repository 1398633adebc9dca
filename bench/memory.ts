/** Memory after one and after five million mutants of the dense net: it may grow with the corpus alone. */
import { join } from 'node:path';
import { campaign, digitSeeds, line, withFolder } from './campaign.ts';
import { writeNetwork } from './networks.ts';

const MARKS = [1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000];

await withFolder(async (folder) => {
  const { onnx } = await writeNetwork('dense', folder);
  const seeds = await digitSeeds(folder);
  let next = 0;
  const settings = {
    model: onnx,
    seeds,
    range: [-1, 1],
    execs: 5_100_000,
    seed: '1',
    out: join(folder, 'out'),
  };
  await campaign(settings, ({ execs, corpus }) => {
    if (next >= MARKS.length || execs < MARKS[next]) return;
    next++;
    globalThis.gc?.();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
    line({
      bench: 'memory',
      execs,
      corpus,
      rssMB: mb(rss),
      heapMB: mb(heapUsed),
      arrayBuffersMB: mb(arrayBuffers),
    });
  });
});
