import { dependsOnBatch } from '../../analysis/batch-dependence/row-difference.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { confirmationRule } from '../../evaluation/confirmation-runs.ts';
import type { PairOutputs } from '../../evaluation/pair-outputs.ts';
import type { RerunResult } from '../../evaluation/rerun-testcase.ts';
import type { Hit } from '../../fuzzer/scheduling/task.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { LoadOptions, RuntimeKind } from '../../model/model.ts';
import type { PairNoise } from '../../model/pair-noise.ts';
import { packBatch } from '../../model/testcase-batch.ts';
import type { Violation } from '../../objectives/objective.ts';
import { comparesModels } from '../../objectives/registry.ts';
import type { Confirmation, Severity } from '../../storage/finding.ts';
import type { RerunClient } from '../../workers/rerun-client.ts';
import { type SeedSpan, severityOf } from './severity.ts';

export interface HitConfirmerOptions {
  readonly rerunClient: RerunClient;
  /** Specs of the objectives. */
  readonly objectives: readonly string[];
  /** File of the model that is run again. */
  readonly modelPath: string;
  readonly loadOptions: LoadOptions;
  readonly runtime: RuntimeKind;
  /** Who attacks; undefined without a threat model. */
  readonly threatModel?: CampaignConfig['threatModel'];
  /** How far gaps move in the models of a pair; undefined where that was not measured. */
  readonly noise: PairNoise | undefined;
  /** Whether two models are compared and there is memory to compare them layer by layer. */
  readonly comparesLayers: boolean;
  /** Whether the model takes one testcase a run. */
  readonly isUnbatched: boolean;
  /** Whether there is memory to trace violations to operations. */
  readonly canTrace: boolean;
  readonly seedSpan: SeedSpan;
  readonly imageFormats: readonly (ImageFormat | undefined)[];
  /** Whether an input has positions without a token. */
  readonly hasPadding: boolean;
}

/** Verdict on a hit, with what was recorded of the reruns that it rests on. */
export interface ConfirmedHit
  extends Confirmation,
    Pick<RerunResult, 'origin' | 'summary' | 'outputs' | 'layerDivergences'> {
  /** Details of the violation in those reruns; undefined where none of them had it. */
  readonly details?: Violation['details'] | undefined;
}

/** Rows of the batch and threads of the session that a disagreement of two models must also show with. */
const CONTROL_BATCH_ROWS = 3;
const CONTROL_THREADS = 2;

/** Pair details of a violation that compares no two results. */
const NO_PAIR_DETAILS: Pick<RerunResult, 'outputs' | 'layerDivergences'> = {};

const SIDES: readonly (keyof PairOutputs)[] = ['reference', 'second'];

/** Runs hits again in a fresh session of the unmodified model, to tell true findings from flaky ones. */
export class HitConfirmer {
  readonly #options: HitConfirmerOptions;

  constructor(options: HitConfirmerOptions) {
    this.#options = options;
  }

  /**
   * Runs a hit again alone; if it does not show, in the batch that it was found in.
   *
   * @param reference the testcase whose time the hit's is compared with, for objectives that judge by time
   * @throws UserError if the model can't be loaded; ProcessDied if the client was closed
   */
  async confirm(hit: Hit, reference: TestcaseData | undefined): Promise<ConfirmedHit> {
    const { rerunClient, comparesLayers, isUnbatched, threatModel } = this.#options;
    const { objective } = hit.violation;
    const request = { ...this.#rerunRequest(hit), ...alone(hit.data), reference };
    const rule = confirmationRule(objective, threatModel);
    const job = { ...request, explainsOrigin: true, comparesLayers };
    const reruns = await rerunClient.reproduce(objective, job, rule.runs);
    if (reruns.matchingRuns >= rule.least) return this.#confirmAlone(hit, reruns);
    if (reruns.matchingRuns > 0 || hit.batch.rows === 1 || isUnbatched)
      return { ...recordOf(hit, reruns), status: 'flaky' };
    return this.#confirmInBatch(hit, reruns);
  }

  /** Whether a hit shows in as many reruns of its testcase alone as confirm it. */
  async holds(hit: Hit): Promise<boolean> {
    const { rerunClient, threatModel } = this.#options;
    const { objective } = hit.violation;
    const rule = confirmationRule(objective, threatModel);
    const job = { ...this.#rerunRequest(hit), ...alone(hit.data) };
    return (await rerunClient.reproduce(objective, job, rule.runs)).matchingRuns >= rule.least;
  }

  /** Whether a hit shows in one run of its testcase alone. */
  async showsAlone(hit: Hit): Promise<boolean> {
    const { rerunClient } = this.#options;
    return (await rerunClient.runVariant({ ...this.#rerunRequest(hit), ...alone(hit.data) })) === 'same';
  }

  /** The verdict on a hit that shows alone every time. */
  async #confirmAlone(hit: Hit, reruns: RerunResult): Promise<ConfirmedHit> {
    const record = recordOf(hit, reruns);
    const why = record.outputs === undefined ? undefined : await this.#flakinessReason(hit, reruns);
    if (why !== undefined) return { ...record, status: 'flaky', why };
    const { origin } = reruns;
    const { layerDivergences } = isPair(hit) ? reruns : NO_PAIR_DETAILS;
    return { ...record, status: 'confirmed', origin, layerDivergences };
  }

  /** The verdict on a hit that never shows alone. */
  async #confirmInBatch(hit: Hit, runsAlone: RerunResult): Promise<ConfirmedHit> {
    const { rerunClient } = this.#options;
    const { objective } = hit.violation;
    const request = { ...this.#rerunRequest(hit), rows: hit.batch.rows, row: hit.batch.row };
    const together = await rerunClient.reproduce(objective, { ...request, batch: hit.batch.data });
    const record = recordOf(hit, together);
    if (together.matchingRuns < together.totalRuns) return { ...record, status: 'flaky' };
    if (record.outputs === undefined) return { ...record, status: 'batch-dependent' };
    // Ties of two models break by rounding, which may hang on the size of a run: that is not the rest of the batch.
    const copies = packBatch(Array.from({ length: hit.batch.rows }, () => hit.data));
    const amongCopies = await rerunClient.reproduce(objective, { ...request, batch: copies }, 1);
    const isDependent = SIDES.some((side) =>
      dependsOnBatch(runsAlone.outputs?.[side], amongCopies.outputs?.[side], together.outputs?.[side]),
    );
    if (isDependent) return { ...record, status: 'batch-dependent' };
    const why = `it shows in a batch of ${hit.batch.rows} and not alone`;
    return { ...record, reproduced: reproducedText(runsAlone), status: 'flaky', why };
  }

  /** How plausible a confirmed hit's input is; undefined if its values can't be varied. */
  async rateSeverity(hit: Hit): Promise<Severity | undefined> {
    const { rerunClient, seedSpan, imageFormats, hasPadding } = this.#options;
    // A variant would have to be transformed anew, and tokens have no values that lie near one another.
    if (hit.transformed !== undefined || hasPadding) return undefined;
    return severityOf(hit.data, seedSpan, imageFormats, (variant) =>
      rerunClient.runVariant({ ...this.#rerunRequest(hit), ...alone(variant) }),
    );
  }

  /** Why a reproduced disagreement of two models does not count, a clause for people; undefined if it does. */
  async #flakinessReason(hit: Hit, reruns: RerunResult): Promise<string | undefined> {
    const { violation, data } = hit;
    if (reruns.isDeterministic === false) return 'the reference itself gives something else from run to run';
    const { rerunClient, runtime, isUnbatched } = this.#options;
    const request = this.#rerunRequest(hit);
    const inBatch = {
      ...request,
      batch: packBatch(Array.from({ length: CONTROL_BATCH_ROWS }, () => data)),
      rows: CONTROL_BATCH_ROWS,
      row: CONTROL_BATCH_ROWS - 1,
    };
    if (!isUnbatched && (await rerunClient.reproduce(violation.objective, inBatch, 1)).matchingRuns === 0)
      return `it shows alone and not in a batch of ${CONTROL_BATCH_ROWS}`;
    if (runtime !== 'onnx') return undefined;
    const loadOptions = { ...request.loadOptions, threads: CONTROL_THREADS };
    const threaded = { ...request, loadOptions, ...alone(data) };
    if ((await rerunClient.reproduce(violation.objective, threaded, 1)).matchingRuns === 0)
      return `it shows on one thread and not on ${CONTROL_THREADS}`;
    return undefined;
  }

  #rerunRequest({ violation: { signature, tensors }, label, transformed }: Hit) {
    const { objectives, modelPath, loadOptions, canTrace, noise } = this.#options;
    return {
      model: modelPath,
      loadOptions,
      objectives,
      noise,
      canTrace,
      expectedViolation: { signature, tensors },
      label,
      transformed,
    };
  }
}

/** A testcase as a batch of its own. */
function alone(data: TestcaseData) {
  return { batch: data, rows: 1, row: 0 };
}

/** Whether a hit's violation compares two results. */
function isPair({ violation, transformed }: Hit): boolean {
  return comparesModels(violation.objective) || transformed !== undefined;
}

/** What a finding records of the reruns that its verdict rests on. */
function recordOf(hit: Hit, reruns: RerunResult) {
  // Outputs of both models are evidence only for a violation that compares them.
  const { outputs } = isPair(hit) ? reruns : NO_PAIR_DETAILS;
  const { summary, violation } = reruns;
  return { reproduced: reproducedText(reruns), summary, details: violation?.details, outputs };
}

function reproducedText({ matchingRuns, totalRuns }: RerunResult): string {
  return `${matchingRuns}/${totalRuns}`;
}
