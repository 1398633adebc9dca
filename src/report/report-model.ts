import type { CampaignConfig } from '../config/schema.ts';
import { errorMessage, MachineError, UserError } from '../core/errors.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { Graph } from '../model/graph/graph.ts';
import type { LoadOptions } from '../model/model.ts';
import { derivedCopy } from '../objectives/registry.ts';
import { findDerivedModel, loadOptions, secondModelOptions } from '../storage/load-options.ts';
import { locateModels } from '../storage/locate-models.ts';
import type { CampaignManifest } from '../storage/manifest-reader.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import { memoryLimits } from '../workers/resource-limits.ts';
import type { ModelAnswer } from '../workers/services/rerun-service.ts';

/** Time limit for loading the model to read its graph, and for one run. */
const TIMEOUT_MS = 30_000;

/** Time that all runs of a report's campaign may take: a report must not take as long as a campaign. */
const MAX_RUN_MS = 60_000;

/** The model of a campaign, loaded in a process of its own. */
export class ReportModel {
  readonly graph: Graph;
  readonly #client: RerunClient;
  readonly #opened: { readonly model: string; readonly loadOptions: LoadOptions };
  readonly #gaps: string[];
  #runMs = 0;
  #canRun = true;

  private constructor(
    graph: Graph,
    client: RerunClient,
    opened: { readonly model: string; readonly loadOptions: LoadOptions },
    gaps: string[],
  ) {
    this.graph = graph;
    this.#client = client;
    this.#opened = opened;
    this.#gaps = gaps;
  }

  /**
   * Loads the model of a campaign; undefined, with a note in `gaps`, if it is missing or has changed. The caller closes it.
   *
   * @param gaps also receives why the model cannot be run, when that shows
   * @param signal ends loading and runs
   */
  static async open(
    folder: string,
    config: CampaignConfig,
    manifest: CampaignManifest,
    gaps: string[],
    signal?: AbortSignal,
  ): Promise<ReportModel | undefined> {
    if (config.model === undefined) return undefined;
    const client = new RerunClient({ timeout: TIMEOUT_MS, ...memoryLimits(undefined, 1) });
    signal?.addEventListener('abort', () => client.close(), { once: true });
    try {
      const derived = derivedCopy(config) === undefined ? undefined : await findDerivedModel(folder);
      const models = await locateModels(config, manifest, folder, 'put it back to see it', client);
      const located = { ...config, ...models };
      const secondModel = secondModelOptions(located, derived);
      const options = { ...loadOptions(config), ...(secondModel === undefined ? {} : { secondModel }) };
      const model = models.model ?? config.model;
      const { sha256, graph } = await client.identify(model, options);
      if (sha256 === manifest.modelSha256)
        return new ReportModel(graph, client, { model, loadOptions: options }, gaps);
      gaps.push(
        'The model has changed since the campaign: its graph is not shown, only the path from the operation to the output.',
      );
    } catch (error) {
      if (!(error instanceof UserError || error instanceof MachineError)) throw error;
      gaps.push(`The model's graph cannot be shown: ${errorMessage(error)}`);
    }
    client.close();
    return undefined;
  }

  /** Path of the model's file. */
  get path(): string {
    return this.#opened.model;
  }

  /** Whether it can still be run. */
  get canRun(): boolean {
    return this.#canRun;
  }

  /** Runs a testcase; undefined if that fails, or runs have taken too long: then none is run any more. */
  async answer(testcase: TestcaseData): Promise<ModelAnswer | undefined> {
    if (!this.#canRun) return undefined;
    const start = performance.now();
    try {
      return await this.#client.answer(this.#opened, testcase);
    } catch (error) {
      this.#canRun = false;
      this.#gaps.push(`Predictions are not shown: ${errorMessage(error)}`);
      return undefined;
    } finally {
      this.#runMs += performance.now() - start;
      if (this.#canRun && this.#runMs > MAX_RUN_MS) {
        this.#canRun = false;
        this.#gaps.push('Not all predictions are shown: running the model takes too long.');
      }
    }
  }

  close(): void {
    this.#client.close();
  }
}
