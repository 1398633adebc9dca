/**
 * Measures the memory of all processes after one million to fifty million mutants of the dense network, over which it
 * must not grow.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign, digitSeeds, line, withFolder } from './campaign.ts';
import { writeNetwork } from './networks.ts';

const { values: options } = parseArgs({
  options: { millions: { type: 'string', default: '50' }, jobs: { type: 'string', default: '2' } },
});
const most = 1e6 * Number(options.millions);
const MARKS = [1, 2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50].map((millions) => millions * 1e6);

await withFolder(async (folder) => {
  const { onnx } = await writeNetwork('dense', folder);
  const seeds = await digitSeeds(folder);
  let next = 0;
  const settings = {
    model: onnx,
    seeds,
    range: [-1, 1],
    execs: most + 100_000,
    seed: '1',
    jobs: Number(options.jobs),
    out: join(folder, 'out'),
  };
  await campaign(settings, ({ execs, corpus, mainPeakMemoryMB, workers, execsPerSecond }) => {
    if (next >= MARKS.length || execs < MARKS[next]) return;
    next++;
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const mb = (bytes: number): number => Math.round(bytes / 1e6);
    line({
      bench: 'memory',
      execs,
      corpus,
      execsPerSecond,
      mainMB: mb(rss),
      mainHeapMB: mb(heapUsed),
      mainArrayBuffersMB: mb(arrayBuffers),
      mainPeakMB: mainPeakMemoryMB,
      workersMB: workers.map((worker) => worker.memoryMB),
      workersPeakMB: workers.map((worker) => worker.peakMemoryMB),
    });
  });
});
