import { resolve } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { type PlausibilityBound, parsePlausible } from '../config/threat-model.ts';
import { UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import { isPlausible, PLAUSIBILITY_LOADING, plausibilityValues } from '../evaluation/plausibility.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { inputDifference } from '../model/input-difference.ts';
import type { InputSpec } from '../model/model.ts';
import { ProcessDied } from '../workers/lifetime/process-died.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import type { ProcessLimits } from '../workers/rpc-client.ts';
import type { ResolvedInputs } from './resolve/inputs.ts';
import type { Notices } from './resolve/model-settings.ts';

/** Tells whether seeds and findings are plausible, in a process of its own: the search has a session of its own. */
export class PlausibilityChecker {
  readonly #bound: PlausibilityBound;
  readonly #text: string;
  readonly #client: RerunClient;
  #sha256: string | undefined;

  private constructor(text: string, client: RerunClient) {
    this.#text = text;
    const bound = parsePlausible(text);
    this.#bound = { ...bound, path: resolve(bound.path) };
    this.#client = client;
  }

  /** The checker of a campaign's threat model; undefined where it has none. */
  static of(
    { threatModel }: Pick<CampaignConfig, 'threatModel'>,
    limits: ProcessLimits,
  ): PlausibilityChecker | undefined {
    const text = threatModel?.plausible;
    return text === undefined ? undefined : new PlausibilityChecker(text, new RerunClient(limits));
  }

  /** Digest of the model; undefined before its inputs are checked. */
  get sha256(): string | undefined {
    return this.#sha256;
  }

  /** @throws UserError where the model can't be loaded, or takes other inputs */
  async checkInputs(inputs: readonly InputSpec[]): Promise<void> {
    const { path } = this.#bound;
    const identity = await named(() => this.#client.identify(path, PLAUSIBILITY_LOADING));
    const difference = inputDifference(identity.inputs, inputs);
    if (difference !== undefined) throw new UserError(`threatModel.plausible: ${path} ${difference}`);
    this.#sha256 = identity.sha256;
  }

  /** The value of a testcase that the bound is on; NaN where the model fails on it. */
  async valueOf(testcase: TestcaseData): Promise<number> {
    try {
      const opened = { model: this.#bound.path, loadOptions: PLAUSIBILITY_LOADING };
      const { outputs } = await named(() => this.#client.answer(opened, testcase));
      return plausibilityValues(outputs, 1, this.#bound)[0];
    } catch (error) {
      if (error instanceof UserError || error instanceof ProcessDied) throw error;
      return Number.NaN;
    }
  }

  isPlausible(value: number): boolean {
    return isPlausible(value, this.#bound);
  }

  /**
   * Leaves out seeds that are suspicious themselves, with a warning.
   *
   * @throws UserError where none is left
   */
  async plausibleSeeds(inputs: ResolvedInputs, notices: Notices): Promise<ResolvedInputs> {
    const { seeds } = inputs;
    const kept: TestcaseData[] = [];
    for (const seed of seeds) if (this.isPlausible(await this.valueOf(seed))) kept.push(seed);
    if (kept.length === 0)
      throw new UserError(
        `threatModel.plausible: ${this.#text} holds for none of ${plural(seeds.length, 'seed')}: check the bound, or give seeds that raise no suspicion`,
      );
    if (kept.length < seeds.length)
      notices.warn(
        `${seeds.length - kept.length} of ${plural(seeds.length, 'seed')} raise suspicion themselves (${this.#text} does not hold) and are left out`,
      );
    return { ...inputs, seeds: kept };
  }

  close(): void {
    this.#client.close();
  }
}

/** Names the setting in messages about its model. */
async function named<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof UserError && !error.message.startsWith('threatModel.plausible')
      ? new UserError(`threatModel.plausible: ${error.message}`)
      : error;
  }
}
