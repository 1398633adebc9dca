import { basename, join } from 'node:path';
import { checkSettings, readCampaignFile } from '../../config/load.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { errorMessage, UserError } from '../../core/errors.ts';
import { isNoFault } from '../../objectives/objective.ts';
import { collectCampaign } from '../../report/collect.ts';
import { type AnswerFinding, collectFault } from '../../report/collect-fault.ts';
import { readStatistics } from '../../report/collect-statistics.ts';
import { LineageIndex } from '../../report/lineage.ts';
import { NO_ANSWERS } from '../../report/predictions.ts';
import type { CampaignView, FaultView, StatisticsView } from '../../report/view-model.ts';
import { CAMPAIGN_FILE } from '../../storage/campaign-store.ts';
import { isLocked } from '../../storage/lock.ts';
import { type CampaignManifest, readManifest } from '../../storage/manifest-reader.ts';
import { refuseSpecialFiles } from '../../storage/special-files.ts';
import { type Baseline, EMPTY_BASELINE, loadBaseline } from '../../triage/baseline.ts';
import type { FaultState } from '../../triage/fault-status.ts';
import { exists, type LocatedFinding, readFindings } from '../../triage/findings.ts';
import { type TriagedFault, triage } from '../../triage/triage.ts';
import type { CampaignStatus, FaultRow, FindingRow } from '../protocol.ts';
import { type ModelGraph, modelGraph } from './model-graph.ts';
import { newInLatestNight } from './nightly-states.ts';
import type { CampaignSource } from './sources.ts';
import { ViewedModel } from './viewed-model.ts';

/** Sizes of the pictures of one fault in bytes: a page shows few at a time. */
const PICTURE_BUDGET = { picture: 200_000, step: 40_000 };

/** A fault with its findings. */
export interface FaultDetail {
  readonly view: FaultView;
  readonly findings: readonly FindingRow[];
  /** Whether the model has not been run: the request that runs it gives more. */
  readonly isModelPending: boolean;
}

/** Reads one campaign for the page. What changes seldom is kept. */
export class CampaignReader {
  readonly source: CampaignSource;
  readonly #replayLine: (folder: string) => string;
  #faults: readonly TriagedFault[] = [];
  readonly #model: ViewedModel;

  constructor(source: CampaignSource, replayLine: (folder: string) => string) {
    this.source = source;
    this.#replayLine = replayLine;
    this.#model = new ViewedModel(source.folder);
  }

  /** Ends the process that runs the model. */
  close(): void {
    this.#model.close();
  }

  /** Reads what the list shows. Files that can't be read are named in `damage`. */
  async status(): Promise<CampaignStatus> {
    const { key, name, folder, against, isWritable } = this.source;
    const damage: string[] = [];
    const common = {
      ...{ key, name, folder, baseline: isWritable ? against : null },
      isRunning: await isLocked(folder),
    };
    let statistics: StatisticsView | null = null;
    try {
      refuseSpecialFiles(folder);
      statistics = (await readStatistics(folder, damage)) ?? null;
      const baseline = await this.#baseline(damage);
      const triaged = await triage([folder], { against: baseline });
      this.#faults = triaged.faults;
      return {
        ...common,
        statistics,
        faults: await this.#rows(triaged.faults, baseline),
        missing: [
          ...triaged.fixed.map((fault) => ({ ...fault, state: 'fixed' as const })),
          ...triaged.ignored,
          ...triaged.lost,
        ],
        damage: [...new Set([...damage, ...triaged.damage])],
      };
    } catch (error) {
      // Of a folder that another process writes to, or removes, any file may be gone when it is read.
      return { ...common, statistics, faults: [], missing: [], damage: [...damage, errorMessage(error)] };
    }
  }

  /** The baseline; an empty one, with a description in `damage`, where it can't be read. */
  async #baseline(damage: string[]): Promise<Baseline> {
    const { against } = this.source;
    if (!(await exists(against))) return EMPTY_BASELINE;
    try {
      return await loadBaseline(against);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      damage.push(error.message);
      return EMPTY_BASELINE;
    }
  }

  async #rows(faults: readonly TriagedFault[], baseline: Baseline): Promise<FaultRow[]> {
    const { nightly, name } = this.source;
    const newFaults = nightly === undefined ? new Set<string>() : await newInLatestNight(nightly, name);
    const decided = new Map(baseline.faults.map(({ signature, state }) => [signature, state]));
    const stateOf = ({ signature, state }: TriagedFault): FaultState => {
      if (isNoFault(signature)) return 'known';
      return decided.get(signature) ?? (newFaults.has(signature) ? 'new' : (state ?? 'new'));
    };
    const order: readonly FaultState[] = ['new', 'known', 'fixed', 'ignored'];
    return faults
      .map((fault) => ({
        ...fault,
        state: stateOf(fault),
        isDecided: decided.get(fault.signature) !== undefined,
      }))
      .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  }

  /** Settings and figures, without faults. */
  figures(): Promise<CampaignView> {
    return collectCampaign(this.source.folder, {
      faults: [],
      maxFaults: 0,
      budget: PICTURE_BUDGET,
      replayLine: this.#replayLine,
    });
  }

  /**
   * Collects everything about a fault.
   *
   * @param id of the finding to show; by default the one that represents the fault
   * @param runsModel whether to load and run the model, unless what it gives is known; this may take long
   * @returns undefined if the campaign has no such fault or finding
   */
  async fault(signature: string, id?: string, runsModel = false): Promise<FaultDetail | undefined> {
    const { folder } = this.source;
    const fault = this.#faults.find((candidate) => candidate.signature === signature);
    const damage: string[] = [];
    const all = [...readFindings(folder, damage)];
    const located = all.filter(({ finding }) => finding.signature === signature);
    const chosen = id === undefined ? located[0] : located.find((candidate) => idOf(candidate) === id);
    if (fault === undefined || chosen === undefined) return undefined;
    const { config, manifest } = await this.#settings();
    const { graph, gaps } = runsModel
      ? await this.#model.graph(config, manifest)
      : { graph: this.#model.keptGraph(manifest), gaps: [] };
    const notes = [...gaps];
    let isModelPending = !runsModel && config.model !== undefined;
    const answers: AnswerFinding = async (finding, testcases) => {
      const kept = this.#model.keptAnswers(manifest, finding);
      if (kept === undefined && (!runsModel || graph === undefined)) return NO_ANSWERS;
      const answered = kept ?? (await this.#model.answers(config, manifest, finding, testcases));
      isModelPending &&= graph === undefined;
      notes.push(...answered.gaps);
      return answered.answers;
    };
    const view = await collectFault(
      {
        folder,
        config,
        manifest,
        graph,
        lineages: await LineageIndex.read(
          folder,
          all.map(({ finding }) => finding),
          damage,
        ),
        budget: PICTURE_BUDGET,
        answers,
        replayLine: this.#replayLine,
      },
      id === undefined ? fault : { ...fault, path: chosen.folder },
      located,
    );
    return {
      view: { ...view, gaps: [...new Set([...view.gaps, ...notes])] },
      findings: located.map(findingRow),
      isModelPending,
    };
  }

  /**
   * The folder of a finding.
   *
   * @returns undefined if the campaign has no such finding
   */
  findingFolder(signature: string, id: string): string | undefined {
    for (const located of readFindings(this.source.folder, []))
      if (located.finding.signature === signature && idOf(located) === id) return located.folder;
    return undefined;
  }

  /**
   * The model's graph with the path of a finding.
   *
   * @returns the reason where the graph cannot be shown
   */
  async graph(signature: string, id: string): Promise<ModelGraph | string> {
    const folder = this.findingFolder(signature, id);
    if (folder === undefined) return 'the finding is gone';
    const { config, manifest } = await this.#settings();
    const { graph, gaps } = await this.#model.graph(config, manifest);
    if (graph === undefined) return gaps.join('; ');
    const located = [...readFindings(folder, [])];
    return located.length === 0 ? 'the finding is damaged' : modelGraph(located[0].finding, graph);
  }

  async #settings(): Promise<{ readonly config: CampaignConfig; readonly manifest: CampaignManifest }> {
    const { folder } = this.source;
    const file = join(folder, CAMPAIGN_FILE);
    const manifest = await readManifest(folder);
    return { manifest, config: checkSettings(await readCampaignFile(file), {}, file) };
  }
}

/** The name of a finding's folder, which is its ID. */
function idOf({ folder }: LocatedFinding): string {
  return basename(folder);
}

function findingRow(located: LocatedFinding): FindingRow {
  const { status, reproduced, minimized, distance, execs } = located.finding;
  const { l0, linf, edits = null } = distance;
  const isMinimized = minimized !== undefined;
  return { id: idOf(located), status, reproduced, isMinimized, l0, linf, edits, execs };
}
