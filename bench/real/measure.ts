import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../src/core/errors.ts';
import type { RuntimeKind } from '../../src/model/model.ts';
import { RpcClient } from '../../src/workers/rpc-client.ts';
import { errorOf, neurofuzz, type Step } from './command.ts';
import type { FoundModel } from './install.ts';
import type { RawApi } from './raw-process.ts';

/** Seconds that a step may take beside the time that it is asked to run. */
const PATIENCE_SECONDS = 120;

/** Seconds that raw inference is measured for. */
const RAW_SECONDS = 1;

/** What `fuzz --json` prints, as far as it is read here. */
interface FuzzOutput {
  readonly execs: number;
  readonly execsPerSecond: number;
  readonly jobs: number;
  readonly batch: number;
  readonly model: { readonly format: string; readonly runtime: RuntimeKind };
  readonly coverage: { readonly tensors: readonly string[] };
  readonly corpus: { readonly seeds: number; readonly count: number };
  readonly findings: { readonly signatures: readonly { readonly signature: string }[] };
}

/** What was measured of one model. Fields of a step that failed are absent. */
export interface Measurement {
  readonly exits: Readonly<Record<string, number | string>>;
  /** The first step that failed, with its line on standard error. */
  readonly error?: string;
  readonly format?: string;
  readonly runtime?: string;
  /** From the start of `fuzz` to the first checkpoint that counts a mutant, in seconds. */
  readonly beganSeconds?: number;
  /** CPU time of all processes until then, in seconds: what a busy machine changes less. */
  readonly beganCpuSeconds?: number;
  readonly mutants?: number;
  readonly mutantsPerSecond?: number;
  /** Of one process with one thread. */
  readonly rawPerSecond?: number;
  /** Mutants a second over raw inference of as many processes as there were jobs. */
  readonly ratio?: number;
  readonly batch?: number;
  readonly coverage?: readonly string[];
  readonly seeds?: number;
  /** Mutants in the corpus. */
  readonly kept?: number;
  readonly findings?: readonly string[];
  readonly peakMemoryMB: number;
}

/** Runs `inspect`, `init` and `fuzz` on a model, as a user does who has nothing but the model, and measures its raw inference. */
export async function measure(model: FoundModel, folder: string, seconds: number): Promise<Measurement> {
  await mkdir(folder, { recursive: true });
  const exits: Record<string, number | string> = {};
  let peakMemoryMB = 0;
  let error: string | undefined;
  const note = (name: string, step: Step): boolean => {
    exits[name] = step.exit;
    peakMemoryMB = Math.max(peakMemoryMB, step.peakMemoryMB);
    const line = errorOf(step);
    if (line !== undefined) error ??= `${name}: ${line}`;
    return line === undefined;
  };
  const ended = (): Measurement => ({ exits, ...(error === undefined ? {} : { error }), peakMemoryMB });

  note('inspect', await neurofuzz(['inspect', model.path, '--json'], folder, PATIENCE_SECONDS));
  const init = await neurofuzz(['init', model.path, '-o', 'campaign.yaml'], folder, PATIENCE_SECONDS);
  if (!note('init', init)) return ended();
  const watch = new FirstMutant(join(folder, 'out'));
  const args = ['fuzz', '--config', 'campaign.yaml', '--time', `${seconds}s`, '--out', 'out', '--json'];
  const fuzz = await neurofuzz(args, folder, seconds + PATIENCE_SECONDS, watch.look);
  note('fuzz', fuzz);
  if (fuzz.stdout === '') return { ...ended(), ...watch.began };
  const output = JSON.parse(fuzz.stdout) as FuzzOutput;
  const raw = await rawInference(model, output, join(folder, 'out'));
  if (typeof raw === 'string') error ??= `raw inference: ${raw}`;
  return {
    ...ended(),
    ...watch.began,
    format: output.model.format,
    runtime: output.model.runtime,
    mutants: output.execs,
    mutantsPerSecond: output.execsPerSecond,
    ...(typeof raw === 'string'
      ? {}
      : {
          rawPerSecond: Number(raw.toPrecision(4)),
          ratio: Number((output.execsPerSecond / (raw * output.jobs)).toPrecision(3)),
        }),
    batch: output.batch,
    coverage: output.coverage.tensors,
    seeds: output.corpus.seeds,
    kept: output.corpus.count - output.corpus.seeds,
    findings: output.findings.signatures.map(({ signature }) => signature),
  };
}

/** Finds out when a campaign has run its first mutants, from its checkpoints, of which the first ones come every quarter of a second. */
class FirstMutant {
  readonly #file: string;
  /** From the command's start; without fields until then. */
  began: Pick<Measurement, 'beganSeconds' | 'beganCpuSeconds'> = {};

  constructor(campaign: string) {
    this.#file = join(campaign, 'state', 'checkpoint.json');
  }

  readonly look = (seconds: number, cpuSeconds: number): void => {
    if (this.began.beganSeconds !== undefined) return;
    try {
      const { state } = JSON.parse(readFileSync(this.#file, 'utf8')) as { state: { execs: number } };
      if (state.execs > 0)
        this.began = { beganSeconds: seconds, beganCpuSeconds: Number(cpuSeconds.toFixed(1)) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  };
}

/** Runs of one row a second on one thread, with the campaign's batch; why there are none where the model does not run so. */
async function rawInference(
  model: FoundModel,
  { model: { runtime }, batch }: FuzzOutput,
  campaign: string,
): Promise<number | string> {
  const script = new URL('./raw-process.js', import.meta.url);
  const child = new RpcClient<RawApi>({ script, timeout: 60_000, memory: 8e9 });
  try {
    return await child.call('rate', {
      model: model.path,
      runtime,
      campaign,
      batch,
      milliseconds: 1000 * RAW_SECONDS,
    });
  } catch (error) {
    return errorMessage(error);
  } finally {
    child.kill();
  }
}
