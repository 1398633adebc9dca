import { processScript } from '../core/package-files.ts';
import { confirmationRuns } from '../evaluation/confirmation-runs.ts';
import type { RerunResult } from '../evaluation/rerun-testcase.ts';
import type { VariantOutcome } from '../evaluation/test-variants.ts';
import { sliceTestcases } from '../model/testcase-batch.ts';
import { processDeathViolation } from '../objectives/crash-signature.ts';
import { refuseIfProcessDies } from './refusal.ts';
import { RerunTally } from './rerun-tally.ts';
import { LOAD_TIMEOUT_MS } from './resource-limits.ts';
import {
  ProcessDied,
  type ProcessLimits,
  RpcClient,
  type RpcProcess,
  type SpawnProcess,
} from './rpc-client.ts';
import type { ModelIdentity, RerunApi, RerunJob, VariantJob } from './services/rerun-service.ts';

/** A model that runs are made in. */
type OpenedModel = Pick<RerunJob, 'model' | 'loadOptions'>;

/** Runs findings again in a process of their own, which a finding may end. */
export class RerunClient {
  readonly #limits: ProcessLimits;
  readonly #spawn: SpawnProcess<RerunApi>;
  #process: RpcProcess<RerunApi> | undefined;
  /** The process in which a model is open, and which one, with its load options. */
  #opened: { readonly child: RpcProcess<RerunApi>; readonly key: string } | undefined;
  #closed = false;

  constructor(
    limits: ProcessLimits,
    spawn: SpawnProcess<RerunApi> = (options) =>
      new RpcClient({ ...options, script: processScript('rerun-service') }),
  ) {
    this.#limits = limits;
    this.#spawn = spawn;
  }

  /** @throws UserError where the model can't be loaded */
  identify(model: string, loadOptions: RerunJob['loadOptions']): Promise<ModelIdentity> {
    return refuseIfProcessDies(model, 'loading it', () =>
      this.#ensureProcess().call('identify', { model, loadOptions }, LOAD_TIMEOUT_MS),
    );
  }

  /**
   * Runs a finding again and counts how often it repeats.
   *
   * @param objective the objective that the finding violates
   * @param totalRuns how often it is run; by default as often as findings of the objective are confirmed
   * @throws UserError where the model can't be loaded
   */
  async reproduce(
    objective: string,
    job: Omit<RerunJob, 'runs'>,
    totalRuns: number = confirmationRuns(objective),
  ): Promise<RerunResult> {
    const tally = new RerunTally(job.expectedViolation.signature);
    // One unexpected death is passed over: something outside may have ended the process.
    let isDeathExcused = false;
    // After a death each run is a call of its own, since it is not known which run it was.
    for (let left = totalRuns, runs = totalRuns; left > 0; ) {
      try {
        const child = await this.#openModel(this.#ensureProcess(), job);
        tally.add(await child.call('reproduce', { ...job, runs }));
        left -= runs;
      } catch (error) {
        const death = this.#processDeath(error);
        if (!tally.isExpected(death) && !isDeathExcused) {
          isDeathExcused = true;
          continue;
        }
        tally.addDeath(death);
        runs = 1;
        left--;
      }
    }
    return tally.result(totalRuns);
  }

  /** Runs a variant of a finding once, in the session that is open. */
  async runVariant(job: Omit<RerunJob, 'runs'>): Promise<VariantOutcome> {
    try {
      const child = await this.#ensureModelOpen(job);
      const { matchingRuns, otherSignatures } = await child.call('reproduce', { ...job, runs: 1 });
      return matchingRuns === 1 ? 'same' : otherSignatures.length > 0 ? 'other' : 'none';
    } catch (error) {
      const { signature } = this.#processDeath(error);
      return signature === job.expectedViolation.signature ? 'same' : 'other';
    }
  }

  /**
   * Tests which variants violate the objective as the finding does. One that ends the process is found by halving.
   *
   * @throws UserError where the model can't be loaded
   */
  async testVariants(job: VariantJob): Promise<boolean[]> {
    try {
      const child = await this.#ensureModelOpen(job);
      return await child.call('testVariants', job);
    } catch (error) {
      const { signature } = this.#processDeath(error);
      if (job.rows === 1) return [signature === job.expectedViolation.signature];
      const middle = job.rows >> 1;
      const half = (from: number, to: number): Promise<boolean[]> =>
        this.testVariants({ ...job, batch: sliceTestcases(job.batch, from, to), rows: to - from });
      return [...(await half(0, middle)), ...(await half(middle, job.rows))];
    }
  }

  /** Margins of variants to the finding's violation; infinite for all where one of them ends the process. */
  async variantMargins(job: VariantJob): Promise<Float64Array> {
    try {
      const child = await this.#ensureModelOpen(job);
      return await child.call('variantMargins', job);
    } catch (error) {
      this.#processDeath(error);
      return new Float64Array(job.rows).fill(Number.POSITIVE_INFINITY);
    }
  }

  close(): void {
    this.#closed = true;
    this.#process?.kill();
  }

  /** The violation that a process's death is. @throws any other error, and a death since this client was closed */
  #processDeath(error: unknown): ReturnType<typeof processDeathViolation> {
    if (!(error instanceof ProcessDied) || this.#closed) throw error;
    return processDeathViolation(error.kind, error.exitStatus);
  }

  /** The process with the model open, in the session that is there already if it was loaded alike. */
  #ensureModelOpen(job: OpenedModel): Promise<RpcProcess<RerunApi>> {
    const child = this.#ensureProcess();
    const isOpen = this.#opened?.child === child && this.#opened.key === keyOf(job);
    return isOpen ? Promise.resolve(child) : this.#openModel(child, job);
  }

  /** Opens the model in a fresh session. */
  async #openModel(child: RpcProcess<RerunApi>, job: OpenedModel): Promise<RpcProcess<RerunApi>> {
    const { model, loadOptions } = job;
    await child.call('open', { model, loadOptions }, LOAD_TIMEOUT_MS);
    this.#opened = { child, key: keyOf(job) };
    return child;
  }

  /** @throws ProcessDied where this client was closed */
  #ensureProcess(): RpcProcess<RerunApi> {
    if (this.#closed) throw new ProcessDied('crash', 'being closed', '');
    if (this.#process?.isAlive !== true) this.#process = this.#spawn(this.#limits);
    return this.#process;
  }
}

/** Equal for sessions in which a run gives the same. */
function keyOf({ model, loadOptions }: OpenedModel): string {
  return JSON.stringify([model, loadOptions]);
}
