/**
 * Measures what watching all layers of a ten-layer convolution network costs by each criterion: mutants of a campaign a second of its
 * workers' CPU time, over those by activation distances (`values`) on all layers and on the logits, in turns. CPU time, since rates
 * on a busy machine say how busy it is; that of the main process is given beside it.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawNormal, randomStream } from '../src/core/random.ts';
import { CRITERIA, usesReference } from '../src/coverage/registry.ts';
import { OnnxBuilder } from '../src/model/formats/onnx/builder.ts';
import { campaign, digitSeeds, line, median } from './campaign.ts';
import { childSeconds, cpuSeconds } from './processes.ts';
import { tracked } from './progress.ts';

/** Feature maps of the convolutions, and those with stride 2. */
const MAPS = [8, 8, 16, 16, 16, 32, 32, 32, 32] as const;
const STRIDED: ReadonlySet<number> = new Set([2, 5]);
const CLASSES = 10;

/** Mutants from which on a campaign is measured: what comes before is its start. */
const WARM_UP = 3_000;

/** Nine 3×3 convolutions and a dense layer on 28×28 pictures, with random weights. */
export function deepConvolution(): Uint8Array {
  const graph = new OnnxBuilder();
  const random = randomStream('bench', 'ten layers');
  const weights = (name: string, shape: readonly number[], inputs: number): string => {
    const length = shape.reduce((product, size) => product * size, 1);
    const scale = Math.sqrt(2 / inputs);
    const values = Float32Array.from({ length }, () => scale * drawNormal(random));
    return graph.constant(name, 'float32', shape, values);
  };
  const image = graph.input('image', 'float32', ['batch', 28, 28, 1]);
  let values = graph.node('Transpose', [image], 'channels_first', { perm: [0, 3, 1, 2] });
  let from = 1;
  for (const [i, to] of MAPS.entries()) {
    const strides = STRIDED.has(i) ? [2, 2] : [1, 1];
    const w = weights(`w${i}`, [to, from, 3, 3], 9 * from);
    values = graph.node('Conv', [values, w], `sum_${i}`, { strides, pads: [1, 1, 1, 1] });
    values = graph.node('Relu', [values], `layer_${i}`);
    from = to;
  }
  values = graph.node('Flatten', [values], 'flat', { axis: 1 });
  const flat = from * 7 * 7;
  graph.node('MatMul', [values, weights('w', [flat, CLASSES], flat)], 'logits');
  graph.node('Softmax', ['logits'], 'probabilities', { axis: 1 });
  graph.output('probabilities', 'float32', ['batch', CLASSES]);
  return graph.finish('ten layers');
}

/** Mutants a second of CPU time. */
interface CpuRates {
  readonly workers: number;
  readonly all: number;
  readonly coverageShare: number;
  readonly corpus: number;
}

async function cpuRates(settings: Readonly<Record<string, unknown>>): Promise<CpuRates> {
  let first: { execs: number; workers: number; main: number } | undefined;
  let last = { execs: 0, workers: 0, main: 0 };
  const { statistics } = await campaign(settings, ({ execs }) => {
    const now = { execs, workers: childSeconds(process.pid), main: cpuSeconds(process.pid) };
    if (execs >= WARM_UP) first ??= now;
    // Once a campaign ends, its processes are gone from the sum.
    if (now.workers > last.workers) last = now;
  });
  if (first === undefined || last.execs <= first.execs)
    throw new Error('the campaign was too short to measure');
  const mutants = last.execs - first.execs;
  const workers = last.workers - first.workers;
  return {
    workers: mutants / workers,
    all: mutants / (workers + last.main - first.main),
    coverageShare: statistics.shares.coverage / (1 - statistics.shares.waiting),
    corpus: statistics.corpus,
  };
}

/**
 * @param references inputs that criteria compare with
 * @param only names of the criteria, all by default
 */
export async function measureLayers(
  folder: string,
  {
    execs,
    rounds,
    references,
    only,
  }: {
    readonly execs: number;
    readonly rounds: number;
    readonly references: number;
    readonly only?: readonly string[];
  },
): Promise<void> {
  const model = join(folder, 'ten-layers.onnx');
  await writeFile(model, deepConvolution());
  const seeds = await digitSeeds(folder, 200);
  const coverageReference = [await digitSeeds(folder, references)];
  const out = join(folder, 'layers');
  const measure = async (name: string, coverage: string, round: number): Promise<CpuRates> => {
    const rates = await cpuRates({
      model,
      seeds,
      range: [-1, 1],
      guidance: 'ann',
      measure: name,
      // The same inputs for all: other mutators lead some searches to subnormal numbers, which take processors many times as long.
      mutator: ['gaussian'],
      coverage: [coverage],
      ...(usesReference(name) === true && name !== 'nlc' ? { coverageReference } : {}),
      execs,
      jobs: 1,
      seed: String(round),
      out,
    });
    await rm(out, { recursive: true, force: true });
    return rates;
  };
  const names = CRITERIA.list()
    .map(({ name }) => name)
    .filter((name) => name !== 'attention' && name !== 'values' && (only?.includes(name) ?? true));
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`no criterion ${unknown}: ${names.join(', ')}`);
  for (const name of tracked('layers', 'criterion', names, 'criteria')) {
    const ratios = { layers: [] as number[], logits: [] as number[], all: [] as number[] };
    let own: CpuRates | undefined;
    for (let round = 0; round < rounds; round++) {
      const layers = await measure('values', 'layers', round);
      own = await measure(name, 'layers', round);
      const logits = await measure('values', 'auto', round);
      ratios.layers.push(own.workers / layers.workers);
      ratios.logits.push(own.workers / logits.workers);
      ratios.all.push(own.all / layers.all);
    }
    line({
      bench: 'layers',
      measure: name,
      mutantsPerWorkerSecond: Math.round(own?.workers ?? 0),
      overValuesOnLayers: Number(median(ratios.layers).toFixed(2)),
      overValuesOnLogits: Number(median(ratios.logits).toFixed(2)),
      withMainOverValuesOnLayers: Number(median(ratios.all).toFixed(2)),
      coverageShare: Number((own?.coverageShare ?? 0).toFixed(3)),
      corpus: own?.corpus,
    });
  }
}
