import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawDigit } from '../corpora/nan-digits/digits.ts';
import type { CampaignSummary, Monitor } from '../src/campaign/monitor/monitor.ts';
import type { Statistics } from '../src/campaign/monitor/statistics.ts';
import { runCampaign } from '../src/campaign/run-campaign.ts';
import { writeAbove } from '../src/cli/output/write-above.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { randomStream } from '../src/core/random.ts';
import { encodeNpz } from '../src/tensor/npz.ts';

/** Runs a bench with a temporary folder, which is removed at the end. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A monitor that passes statistics on and says nothing. */
export function silentMonitor(onStatistics: (statistics: Statistics) => void = () => {}): Monitor {
  return {
    info() {},
    warn() {},
    onStart() {},
    onPhase() {},
    onFault() {},
    onThresholdChange() {},
    onStatistics,
  };
}

/** Runs a campaign as `fuzz` does, without output. */
export async function campaign(
  settings: Readonly<Record<string, unknown>>,
  onStatistics: (statistics: Statistics) => void = () => {},
): Promise<CampaignSummary> {
  return runCampaign(
    campaignSchema.parse(settings),
    silentMonitor(onStatistics),
    new AbortController().signal,
  );
}

/** Writes drawn digits as seeds of a network with one input; returns the path. */
export async function digitSeeds(folder: string, count = 40): Promise<string> {
  const random = randomStream('bench', 'seeds');
  const data = new Float32Array(count * 784);
  for (let i = 0; i < count; i++) data.set(drawDigit(i % 10, random), i * 784);
  const path = join(folder, `seeds-${count}.npz`);
  await writeFile(path, encodeNpz([['image', { type: 'float32', shape: [count, 28, 28, 1], data }]]));
  return path;
}

/** Writes a JSON line to standard output. */
export function line(record: Readonly<Record<string, unknown>>): void {
  writeAbove(() => void process.stdout.write(`${JSON.stringify(record)}\n`));
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, ninth decile and maximum of a figure, under keys that end in its name; none of no numbers. */
export function spreadOf(name: string, numbers: readonly number[], digits = 3): Record<string, number> {
  if (numbers.length === 0) return {};
  const sorted = [...numbers].sort((a, b) => a - b);
  const rounded = (value: number): number => Number(value.toFixed(digits));
  return {
    [`median${name}`]: rounded(median(sorted)),
    [`p90${name}`]: rounded(sorted[Math.floor(0.9 * sorted.length)]),
    [`worst${name}`]: rounded(sorted[sorted.length - 1]),
  };
}
