import { someRows } from '../evaluation/judged-batch.ts';
import { type Reproduction, runsOf, type VariantOutcome } from '../evaluation/rerun.ts';
import { diedRunning } from '../objectives/crash-signature.ts';
import { orRefuse } from './refusal.ts';
import { Child, type ChildOptions, ProcessDied } from './rpc-client.ts';
import type { Identity, ReproduceApi, Trial, VariantTrial } from './services/rerun-service.ts';

/** Milliseconds that loading a model may take without a sign of life. */
export const LOAD_TIMEOUT = 120_000;

/** Runs findings again in a process of their own, which a finding may end. */
export class Reproducer {
  readonly #options: Omit<ChildOptions, 'script'>;
  #child: Child<ReproduceApi> | undefined;
  /** The process in which the model is open. */
  #open: Child<ReproduceApi> | undefined;
  #closed = false;

  constructor(options: Omit<ChildOptions, 'script'>) {
    this.#options = options;
  }

  /** @throws UserError where the model can't be loaded */
  identify(model: string, load: Trial['load']): Promise<Identity> {
    return orRefuse(model, 'loading it', () =>
      this.#running().call('identify', { model, load }, LOAD_TIMEOUT),
    );
  }

  /** @param objective what the finding breaks: says how often it is run, unless told */
  async reproduce(
    objective: string,
    trial: Omit<Trial, 'runs'>,
    of: number = runsOf(objective),
  ): Promise<Reproduction> {
    const others = new Set<string>();
    let times = 0;
    let origin: Reproduction['origin'];
    let outputs: Reproduction['outputs'];
    let departures: Reproduction['departures'];
    let steady: Reproduction['steady'];
    let summary: Reproduction['summary'];
    let violation: Reproduction['violation'];
    // After a death each run is called for alone, since it is not known which one it was. One death that is
    // not what is looked for is passed over: somebody else may have ended the process.
    let spare = 1;
    for (let left = of, step = of; left > 0; ) {
      try {
        const child = this.#running();
        const { model, load } = trial;
        await child.call('open', { model, load }, LOAD_TIMEOUT);
        this.#open = child;
        const some = await child.call('reproduce', { ...trial, runs: step });
        times += some.times;
        origin ??= some.origin;
        summary ??= some.summary;
        violation ??= some.violation;
        outputs ??= some.outputs;
        departures ??= some.departures;
        if (some.steady !== undefined) steady = some.steady && steady !== false;
        for (const other of some.others) others.add(other);
        left -= step;
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#closed) throw error;
        const { signature } = diedRunning(error.kind, error.how);
        const expected = signature === trial.suspect.signature;
        if (!expected && spare-- > 0) continue;
        step = 1;
        left--;
        if (expected) times++;
        else others.add(signature);
      }
    }
    return { times, of, others: [...others], origin, summary, violation, outputs, departures, steady };
  }

  /** Runs a variant of what was reproduced last, once and in the same session: what is left of the violation. */
  async vary(trial: Omit<Trial, 'runs'>): Promise<VariantOutcome> {
    try {
      const child = await this.#opened(trial);
      const { times, others } = await child.call('reproduce', { ...trial, runs: 1 });
      return times === 1 ? 'same' : others.length > 0 ? 'other' : 'none';
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      return diedRunning(error.kind, error.how).signature === trial.suspect.signature ? 'same' : 'other';
    }
  }

  /**
   * Says which of some variants break in the same way. One that ends the process is found by halving.
   *
   * @throws UserError where the model can't be loaded
   */
  async breaking(trial: VariantTrial): Promise<boolean[]> {
    try {
      const child = await this.#opened(trial);
      return await child.call('breaking', trial);
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      if (trial.rows === 1) return [diedRunning(error.kind, error.how).signature === trial.suspect.signature];
      const middle = trial.rows >> 1;
      const half = (from: number, to: number): Promise<boolean[]> =>
        this.breaking({ ...trial, block: someRows(trial.block, from, to), rows: to - from });
      return [...(await half(0, middle)), ...(await half(middle, trial.rows))];
    }
  }

  /** How far variants are from breaking in the same way; infinite for all where one ends the process. */
  async nearness(trial: VariantTrial): Promise<Float64Array> {
    try {
      const child = await this.#opened(trial);
      return await child.call('nearness', trial);
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
  async #opened({ model, load }: Pick<Trial, 'model' | 'load'>): Promise<Child<ReproduceApi>> {
    const child = this.#running();
    if (this.#open !== child) {
      await child.call('open', { model, load }, LOAD_TIMEOUT);
      this.#open = child;
    }
    return child;
  }

  /** @throws ProcessDied where it was closed */
  #running(): Child<ReproduceApi> {
    if (this.#closed) throw new ProcessDied('crash', 'being closed', '');
    if (this.#child?.alive !== true) {
      this.#child = new Child({
        ...this.#options,
        script: new URL('./services/rerun-service.js', import.meta.url),
      });
    }
    return this.#child;
  }
}
