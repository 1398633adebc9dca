import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawDigit } from '../corpora/nan-digits/digits.ts';
import type { CampaignSummary, Monitor } from '../src/campaign/monitor/monitor.ts';
import type { Statistics } from '../src/campaign/monitor/statistics.ts';
import { runCampaign } from '../src/campaign/run-campaign.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { randomStream } from '../src/core/random.ts';
import { encodeNpz } from '../src/tensor/npz.ts';

/** A folder for one bench, taken away at its end. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a campaign as `fuzz` does, without a word. */
export async function campaign(
  settings: Readonly<Record<string, unknown>>,
  onFigures: (figures: Statistics) => void = () => {},
): Promise<CampaignSummary> {
  const observer: Monitor = {
    info() {},
    warn() {},
    onStart() {},
    onFault() {},
    onThresholdChange() {},
    onStatistics: onFigures,
  };
  return runCampaign(campaignSchema.parse(settings), observer, new AbortController().signal);
}

/** Writes drawn digits, a few dozen unless told otherwise, as the seeds of a one-input network; returns the path. */
export async function digitSeeds(folder: string, count = 40): Promise<string> {
  const random = randomStream('bench', 'seeds');
  const data = new Float32Array(count * 784);
  for (let i = 0; i < count; i++) data.set(drawDigit(i % 10, random), i * 784);
  const path = join(folder, `seeds-${count}.npz`);
  await writeFile(path, encodeNpz([['image', { type: 'float32', shape: [count, 28, 28, 1], data }]]));
  return path;
}

/** One JSON line on standard output. */
export function line(figures: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
