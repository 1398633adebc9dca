/**
 * Measures campaigns on large inputs of a model that does little with each value: mutants a processor second of worker and
 * main process, over runs a processor second of raw inference on one ready input, in turns. Processor seconds, since rates on
 * a busy machine say how busy it is.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Statistics } from '../src/campaign/monitor/statistics.ts';
import { OnnxBuilder } from '../src/model/formats/onnx/builder.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import { campaign, line, median, withFolder } from './campaign.ts';
import { childSeconds, cpuSeconds } from './processes.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '15' }, rounds: { type: 'string', default: '3' } },
});

const SIZES = [
  [640, 640],
  [240, 320],
] as const;

const RAW_RUNS = 200;
const WARM_UP = 20;

/** Three convolutions with steps of 4, 4 and 1, as detectors begin. */
function writeModel(folder: string, height: number, width: number): string {
  const onnx = new OnnxBuilder();
  const weights = (name: string, shape: readonly number[]): string => {
    const length = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length }, (_, i) => Math.sin(i + 1) / Math.sqrt(length / shape[0]));
    return onnx.constant(name, 'float32', shape, values);
  };
  onnx.input('images', 'float32', [1, 3, height, width]);
  onnx.node('Conv', ['images', weights('w0', [8, 3, 4, 4])], 'c0', { strides: [4, 4] });
  onnx.node('Relu', ['c0'], 'r0');
  onnx.node('Conv', ['r0', weights('w1', [16, 8, 4, 4])], 'c1', { strides: [4, 4] });
  onnx.node('Relu', ['c1'], 'r1');
  onnx.node('Conv', ['r1', weights('w2', [85, 16, 1, 1])], 'c2');
  onnx.node('Sigmoid', ['c2'], 'y');
  onnx.output('y', 'float32', [1, 85, height >> 4, width >> 4]);
  const path = join(folder, `${height}x${width}.onnx`);
  writeFileSync(path, onnx.finish('large'));
  return path;
}

/** Runs a processor second. */
async function rawRate(path: string, height: number, width: number): Promise<number> {
  const model = await loadModel(path, { runtime: 'onnx' });
  const data = Float32Array.from({ length: 3 * height * width }, (_, i) => (i % 256) / 255);
  const feeds = [{ type: 'float32', shape: [1, 3, height, width], data } as const];
  for (let run = 0; run < WARM_UP; run++) await model.run(feeds, []);
  const start = cpuSeconds(process.pid);
  for (let run = 0; run < RAW_RUNS; run++) await model.run(feeds, []);
  const seconds = cpuSeconds(process.pid) - start;
  await model.dispose();
  return RAW_RUNS / Math.max(seconds, 0.01);
}

/** A campaign with one worker: its mutants a processor second once it runs, and its last statistics. */
async function campaignRate(path: string, out: string): Promise<{ rate: number; last: Statistics }> {
  let first: { execs: number; cpu: number } | undefined;
  let rate = 0;
  const settings = { model: path, range: [0, 1], time: `${options.seconds}s`, seed: '1', jobs: 1, out };
  const { statistics } = await campaign(settings, ({ execs }) => {
    const cpu = cpuSeconds(process.pid) + childSeconds(process.pid);
    if (execs > 0) first ??= { execs, cpu };
    if (first !== undefined && cpu > first.cpu) rate = (execs - first.execs) / (cpu - first.cpu);
  });
  return { rate, last: statistics };
}

await withFolder(async (folder) => {
  for (const [height, width] of tracked('large inputs', 'size', SIZES)) {
    const path = writeModel(folder, height, width);
    const ratios: number[] = [];
    for (let round = 0; round < Number(options.rounds); round++) {
      const raw = await rawRate(path, height, width);
      const { rate, last } = await campaignRate(path, join(folder, `out-${height}-${round}`));
      ratios.push(rate / raw);
      line({
        bench: 'large',
        input: `1×3×${height}×${width}`,
        round,
        mutants: last.execs,
        mutantsPerProcessorSecond: Number(rate.toPrecision(3)),
        rawPerProcessorSecond: Number(raw.toPrecision(3)),
        ratio: Number((rate / raw).toPrecision(3)),
        keptShare: last.execs === 0 ? null : Number(((last.corpus - last.seeds) / last.execs).toPrecision(3)),
        mainPeakMB: last.mainPeakMemoryMB,
        workerPeakMB: Math.max(...last.workers.map(({ peakMemoryMB }) => peakMemoryMB)),
        diskMB: last.diskMB,
      });
    }
    line({
      bench: 'large',
      input: `1×3×${height}×${width}`,
      medianRatio: Number(median(ratios).toPrecision(3)),
    });
  }
});
