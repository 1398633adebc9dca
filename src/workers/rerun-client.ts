import { confirmationRuns } from '../evaluation/confirmation-runs.ts';
import { sliceTestcases } from '../evaluation/prepare-slices.ts';
import type { RerunResult } from '../evaluation/rerun-testcase.ts';
import type { VariantOutcome } from '../evaluation/test-variants.ts';
import { processDeathViolation } from '../objectives/crash-signature.ts';
import { refuseIfProcessDies } from './refusal.ts';
import { LOAD_TIMEOUT_MS } from './resource-limits.ts';
import { ProcessDied, RpcClient, type RpcClientOptions } from './rpc-client.ts';
import type { ModelIdentity, RerunApi, RerunJob, VariantJob } from './services/rerun-service.ts';

/** Runs findings again in a process of their own, which a finding may end. */
export class RerunClient {
  readonly #options: Omit<RpcClientOptions, 'script'>;
  #child: RpcClient<RerunApi> | undefined;
  /** The process in which the model is open. */
  #childWithModel: RpcClient<RerunApi> | undefined;
  #closed = false;

  constructor(options: Omit<RpcClientOptions, 'script'>) {
    this.#options = options;
  }

  /** @throws UserError where the model can't be loaded */
  identify(model: string, load: RerunJob['loadOptions']): Promise<ModelIdentity> {
    return refuseIfProcessDies(model, 'loading it', () =>
      this.#ensureChild().call('identify', { model, loadOptions: load }, LOAD_TIMEOUT_MS),
    );
  }

  /** @param objective what the finding breaks: says how often it is run, unless told */
  async reproduce(
    objective: string,
    trial: Omit<RerunJob, 'runs'>,
    of: number = confirmationRuns(objective),
  ): Promise<RerunResult> {
    const others = new Set<string>();
    let times = 0;
    let origin: RerunResult['origin'];
    let outputs: RerunResult['outputs'];
    let departures: RerunResult['layerDivergences'];
    let steady: RerunResult['isDeterministic'];
    let summary: RerunResult['summary'];
    let violation: RerunResult['violation'];
    // After a death each run is called for alone, since it is not known which one it was. One death that is
    // not what is looked for is passed over: somebody else may have ended the process.
    let spare = 1;
    for (let left = of, step = of; left > 0; ) {
      try {
        const child = this.#ensureChild();
        const { model, loadOptions } = trial;
        await child.call('open', { model, loadOptions }, LOAD_TIMEOUT_MS);
        this.#childWithModel = child;
        const some = await child.call('reproduce', { ...trial, runs: step });
        times += some.matchingRuns;
        origin ??= some.origin;
        summary ??= some.summary;
        violation ??= some.violation;
        outputs ??= some.outputs;
        departures ??= some.layerDivergences;
        if (some.isDeterministic !== undefined) steady = some.isDeterministic && steady !== false;
        for (const other of some.otherSignatures) others.add(other);
        left -= step;
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#closed) throw error;
        const { signature } = processDeathViolation(error.kind, error.exitStatus);
        const expected = signature === trial.expectedViolation.signature;
        if (!expected && spare-- > 0) continue;
        step = 1;
        left--;
        if (expected) times++;
        else others.add(signature);
      }
    }
    return {
      matchingRuns: times,
      totalRuns: of,
      otherSignatures: [...others],
      origin,
      summary,
      violation,
      outputs,
      layerDivergences: departures,
      isDeterministic: steady,
    };
  }

  /** Runs a variant of what was reproduced last, once and in the same session: what is left of the violation. */
  async runVariant(trial: Omit<RerunJob, 'runs'>): Promise<VariantOutcome> {
    try {
      const child = await this.#ensureModelOpen(trial);
      const { matchingRuns, otherSignatures } = await child.call('reproduce', { ...trial, runs: 1 });
      return matchingRuns === 1 ? 'same' : otherSignatures.length > 0 ? 'other' : 'none';
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      return processDeathViolation(error.kind, error.exitStatus).signature ===
        trial.expectedViolation.signature
        ? 'same'
        : 'other';
    }
  }

  /**
   * Says which of some variants break in the same way. One that ends the process is found by halving.
   *
   * @throws UserError where the model can't be loaded
   */
  async testVariants(trial: VariantJob): Promise<boolean[]> {
    try {
      const child = await this.#ensureModelOpen(trial);
      return await child.call('testVariants', trial);
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      if (trial.rows === 1)
        return [
          processDeathViolation(error.kind, error.exitStatus).signature === trial.expectedViolation.signature,
        ];
      const middle = trial.rows >> 1;
      const half = (from: number, to: number): Promise<boolean[]> =>
        this.testVariants({ ...trial, batch: sliceTestcases(trial.batch, from, to), rows: to - from });
      return [...(await half(0, middle)), ...(await half(middle, trial.rows))];
    }
  }

  /** How far variants are from breaking in the same way; infinite for all where one ends the process. */
  async variantMargins(trial: VariantJob): Promise<Float64Array> {
    try {
      const child = await this.#ensureModelOpen(trial);
      return await child.call('variantMargins', trial);
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      return new Float64Array(trial.rows).fill(Number.POSITIVE_INFINITY);
    }
  }

  close(): void {
    this.#closed = true;
    this.#child?.kill();
  }

  /** The process with the model open, in the session that is there already if one is. */
  async #ensureModelOpen({
    model,
    loadOptions,
  }: Pick<RerunJob, 'model' | 'loadOptions'>): Promise<RpcClient<RerunApi>> {
    const child = this.#ensureChild();
    if (this.#childWithModel !== child) {
      await child.call('open', { model, loadOptions }, LOAD_TIMEOUT_MS);
      this.#childWithModel = child;
    }
    return child;
  }

  /** @throws ProcessDied where it was closed */
  #ensureChild(): RpcClient<RerunApi> {
    if (this.#closed) throw new ProcessDied('crash', 'being closed', '');
    if (this.#child?.isAlive !== true) {
      this.#child = new RpcClient({
        ...this.#options,
        script: new URL('./services/rerun-service.js', import.meta.url),
      });
    }
    return this.#child;
  }
}
