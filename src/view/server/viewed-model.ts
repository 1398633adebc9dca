import pLimit from 'p-limit';
import type { CampaignConfig } from '../../config/schema.ts';
import { LruCache } from '../../core/lru-cache.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { Graph } from '../../model/graph/graph.ts';
import {
  type FindingAnswers,
  findingAnswers,
  NO_ANSWERS,
  type ShownTestcases,
} from '../../report/predictions.ts';
import { ReportModel } from '../../report/report-model.ts';
import type { Finding } from '../../storage/finding.ts';
import type { CampaignManifest } from '../../storage/manifest-reader.ts';

/** Number of findings whose answers are kept. */
const MAX_ANSWERS = 500;

interface OpenedModel {
  readonly sha256: string;
  readonly model: ReportModel;
  /** Why it cannot be run, once that shows. */
  readonly notes: readonly string[];
}

/** What the model gives for a finding. */
interface Answered {
  readonly answers: FindingAnswers;
  /** Why there are none, or not all. */
  readonly gaps: readonly string[];
}

/** The model's graph. */
export interface LoadedGraph {
  readonly graph: Graph | undefined;
  /** Why there is none. */
  readonly gaps: readonly string[];
}

/**
 * The model of a campaign, for the page. Loading it takes a process and can take long, so that its graph and its answers are kept, by
 * the model and the finding. What could not be loaded is tried again by the next request. The process ends once no request waits.
 */
export class ViewedModel {
  readonly #folder: string;
  readonly #turns = pLimit(1);
  readonly #answered = new LruCache<string, Answered>(MAX_ANSWERS);
  #graph: { readonly sha256: string; readonly graph: Graph } | undefined;
  #opened: OpenedModel | undefined;
  #waiting = 0;
  readonly #closing = new AbortController();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The graph, if it has been loaded. */
  keptGraph({ modelSha256 }: CampaignManifest): Graph | undefined {
    return this.#graph?.sha256 === modelSha256 ? this.#graph.graph : undefined;
  }

  /** The answers to a finding, if the model has been run on it. */
  keptAnswers({ modelSha256 }: CampaignManifest, finding: Finding): Answered | undefined {
    return this.#answered.get(keyOf(modelSha256, finding));
  }

  async graph(config: CampaignConfig, manifest: CampaignManifest): Promise<LoadedGraph> {
    const gaps: string[] = [];
    const graph =
      this.keptGraph(manifest) ??
      (await this.#withModel(config, manifest, gaps, async ({ graph: loaded }) => loaded));
    return { graph, gaps };
  }

  /** Runs the model on the testcases of a finding, unless that was done before. */
  async answers(
    config: CampaignConfig,
    manifest: CampaignManifest,
    finding: Finding,
    testcases: ShownTestcases<TestcaseData>,
  ): Promise<Answered> {
    const gaps: string[] = [];
    const outcome = await this.#withModel(config, manifest, gaps, async (model, notes) => {
      const kept = this.keptAnswers(manifest, finding);
      if (kept !== undefined) return kept;
      const answers = await findingAnswers((testcase) => model.answer(testcase), finding, testcases);
      const answered = { answers, gaps: [...notes] };
      if (!this.#closing.signal.aborted) this.#answered.set(keyOf(manifest.modelSha256, finding), answered);
      this.#answered.evict();
      return answered;
    });
    return outcome ?? { answers: NO_ANSWERS, gaps };
  }

  /** Ends the process, also in the middle of a run. */
  close(): void {
    this.#closing.abort();
  }

  /**
   * Calls back with the model, which is loaded unless the request before has left it open. Requests take turns.
   *
   * @param gaps receives why the model cannot be loaded
   * @param use receives the model, and notes to which it adds why it cannot be run
   * @returns undefined if it cannot be loaded
   */
  async #withModel<T>(
    config: CampaignConfig,
    manifest: CampaignManifest,
    gaps: string[],
    use: (model: ReportModel, notes: readonly string[]) => Promise<T>,
  ): Promise<T | undefined> {
    this.#waiting++;
    try {
      return await this.#turns(async () => {
        const opened = await this.#load(config, manifest, gaps);
        if (opened === undefined) return undefined;
        this.#graph = { sha256: manifest.modelSha256, graph: opened.model.graph };
        const result = await use(opened.model, opened.notes);
        // A model that one finding made unable to run is loaded anew for the next.
        if (!opened.model.canRun) this.#unload();
        return result;
      });
    } finally {
      this.#waiting--;
      if (this.#waiting === 0) this.#unload();
    }
  }

  async #load(
    config: CampaignConfig,
    manifest: CampaignManifest,
    gaps: string[],
  ): Promise<OpenedModel | undefined> {
    const { signal } = this.#closing;
    const { modelSha256: sha256 } = manifest;
    if (signal.aborted) return undefined;
    if (this.#opened?.sha256 === sha256) return this.#opened;
    this.#unload();
    const notes: string[] = [];
    const model = await ReportModel.open(this.#folder, config, manifest, notes, signal);
    if (model === undefined) gaps.push(...notes);
    else this.#opened = { sha256, model, notes };
    return this.#opened;
  }

  #unload(): void {
    this.#opened?.model.close();
    this.#opened = undefined;
  }
}

function keyOf(sha256: string, { signature, id }: Finding): string {
  return `${sha256} ${signature} ${id}`;
}
