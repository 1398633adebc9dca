import { processScript } from '../core/package-files.ts';
import { confirmationRule } from '../evaluation/confirmation-runs.ts';
import type { TestcaseVerdict } from '../evaluation/judge-testcase.ts';
import type { RerunResult } from '../evaluation/rerun-testcase.ts';
import type { VariantOutcome } from '../evaluation/test-variants.ts';
import { sliceTestcases, type TestcaseBatch } from '../model/testcase-batch.ts';
import { processDeathViolation } from '../objectives/crash-signature.ts';
import { ProcessDied } from './lifetime/process-died.ts';
import { RestartingProcess } from './lifetime/restarting-process.ts';
import { refuseIfProcessDies } from './refusal.ts';
import { RerunTally } from './rerun-tally.ts';
import { LOAD_TIMEOUT_MS } from './resource-limits.ts';
import { type ProcessLimits, RpcClient, type SpawnProcess } from './rpc-client.ts';
import type {
  JudgeJob,
  ModelAnswer,
  ModelIdentity,
  RerunApi,
  RerunJob,
  VariantJob,
} from './services/rerun-service.ts';

/** A model that runs are made in. */
type OpenedModel = Pick<RerunJob, 'model' | 'loadOptions'>;

/** Runs findings again in a process of their own, which a finding may end. */
export class RerunClient {
  readonly #process: RestartingProcess<RerunApi>;
  /** Which model is open, with its load options. */
  #openKey: string | undefined;
  #closed = false;

  constructor(
    limits: ProcessLimits,
    spawn: SpawnProcess<RerunApi> = (options) =>
      new RpcClient({ ...options, script: processScript('rerun-service') }),
  ) {
    this.#process = new RestartingProcess({
      spawn: () => spawn(limits),
      state: { resets: ['open'], adds: [] },
      // A death by the model's doing may be the finding that is run again.
      mostOwnDeaths: 1,
    });
  }

  /** @throws UserError where the model can't be loaded */
  identify(model: string, loadOptions: RerunJob['loadOptions']): Promise<ModelIdentity> {
    return refuseIfProcessDies(model, 'loading it', () =>
      this.#process.call('identify', { model, loadOptions }, LOAD_TIMEOUT_MS),
    );
  }

  /**
   * Runs one testcase and judges nothing.
   *
   * @throws UserError where the model can't be loaded; ProcessDied where the run ends the process
   */
  async answer(opened: OpenedModel, testcase: TestcaseBatch): Promise<ModelAnswer> {
    await this.#ensureModelOpen(opened);
    return this.#process.call('answer', testcase);
  }

  /**
   * Runs one testcase once and judges it; a death of the process is a violation.
   *
   * @throws UserError where the model can't be loaded; ProcessDied where this client was closed
   */
  async judge(job: JudgeJob): Promise<TestcaseVerdict> {
    await this.#ensureModelOpen(job);
    try {
      return await this.#process.call('judge', job);
    } catch (error) {
      return { violation: this.#processDeath(error) };
    }
  }

  /** The names of the objectives that specs make. @throws UserError where one can't be made */
  objectiveNames(specs: readonly string[]): Promise<string[]> {
    return this.#process.call('objectiveNames', specs);
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
    totalRuns: number = confirmationRule(objective).runs,
  ): Promise<RerunResult> {
    const tally = new RerunTally(job.expectedViolation.signature);
    // One unexpected death is passed over: something outside may have ended the process.
    let isDeathExcused = false;
    // After a death each run is a call of its own, since it is not known which run it was.
    for (let left = totalRuns, runs = totalRuns; left > 0; ) {
      try {
        await this.#openModel(job);
        tally.add(await this.#process.call('reproduce', { ...job, runs }));
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
      await this.#ensureModelOpen(job);
      const { matchingRuns, otherSignatures } = await this.#process.call('reproduce', { ...job, runs: 1 });
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
      await this.#ensureModelOpen(job);
      return await this.#process.call('testVariants', job);
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
      await this.#ensureModelOpen(job);
      return await this.#process.call('variantMargins', job);
    } catch (error) {
      this.#processDeath(error);
      return new Float64Array(job.rows).fill(Number.POSITIVE_INFINITY);
    }
  }

  close(): void {
    this.#closed = true;
    this.#process.kill();
  }

  /** The violation that a process's death is. @throws any other error, and a death since this client was closed */
  #processDeath(error: unknown): ReturnType<typeof processDeathViolation> {
    if (!(error instanceof ProcessDied) || this.#closed) throw error;
    return processDeathViolation(error.kind, error.exitStatus);
  }

  /** Opens the model, unless it is open already and was loaded alike. */
  async #ensureModelOpen(job: OpenedModel): Promise<void> {
    if (this.#openKey !== keyOf(job)) await this.#openModel(job);
  }

  /** Opens the model in a fresh session. */
  async #openModel(job: OpenedModel): Promise<void> {
    const { model, loadOptions } = job;
    this.#openKey = undefined;
    await this.#process.call('open', { model, loadOptions }, LOAD_TIMEOUT_MS);
    this.#openKey = keyOf(job);
  }
}

/** Equal for sessions in which a run gives the same. */
function keyOf({ model, loadOptions }: OpenedModel): string {
  return JSON.stringify([model, loadOptions]);
}
