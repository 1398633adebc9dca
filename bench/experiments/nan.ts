import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeNanDigits } from '../../corpora/nan-digits/make.ts';
import { isConfirmedFault } from '../../src/campaign/findings/fault-registry.ts';
import type { Statistics } from '../../src/campaign/monitor/statistics.ts';
import { campaign } from '../campaign.ts';

/** Steps of training: TensorFuzz's on MNIST; fewer on drawn digits, on which the loss itself becomes NaN after 20,000. */
const STEPS = { mnist: 35_000, drawn: 10_000 };

/**
 * A digit network with TensorFuzz's unsafe loss, trained on the first run.
 *
 * @param data folder with MNIST; drawn digits without it
 * @param seed of the initial weights and the order of training
 * @param steps of training
 * @returns the folder with `nan-digits.onnx` and `seeds.npz`
 */
export async function nanDigits(
  cache: string,
  data: string | undefined,
  seed = 'nan-digits',
  steps = data === undefined ? STEPS.drawn : STEPS.mnist,
): Promise<string> {
  const out = resolve(cache);
  if (existsSync(join(out, 'seeds.npz'))) return out;
  const log = (text: string): void => void process.stderr.write(`${text}\n`);
  await makeNanDigits({ ...(data === undefined ? {} : { data }), out, steps, seed, log });
  return out;
}

/** Settings of a search of such a network; its pictures change and its labels do not. */
export function nanSettings(folder: string): Readonly<Record<string, unknown>> {
  return {
    model: join(folder, 'nan-digits.onnx'),
    seeds: join(folder, 'seeds.npz'),
    range: { image: [-1, 1] },
    mutator: { label: 'none' },
  };
}

/** The first fault of a campaign, and the campaign's last figures. */
export interface FirstFault {
  readonly fault: Statistics['faults'][number] | undefined;
  readonly statistics: Statistics;
}

/** Runs a campaign until its first finding, or until it has run `execs` mutants. */
export async function firstFault(
  settings: Readonly<Record<string, unknown>>,
  execs: number,
): Promise<FirstFault> {
  const { statistics } = await campaign({ ...settings, untilFinding: true, execs });
  return { fault: statistics.faults.find(isConfirmedFault), statistics };
}
