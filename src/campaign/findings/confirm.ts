import type { RerunResult } from '../../evaluation/rerun-testcase.ts';
import type { Hit } from '../../fuzzer/scheduling/task.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { LoadOptions, RuntimeKind } from '../../model/model.ts';
import { packBatch } from '../../model/testcase-batch.ts';
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

/** Verdict on a hit, with the origin, summary and outputs that its reruns recorded. */
export type ConfirmedHit = Confirmation &
  Pick<RerunResult, 'origin' | 'summary' | 'outputs' | 'layerDivergences'>;

/** Rows of the batch and threads of the session that a disagreement of two models must also show with. */
const CONTROL_BATCH_ROWS = 3;
const CONTROL_THREADS = 2;

/** Pair details of a violation that compares no two results. */
const NO_PAIR_DETAILS: Pick<RerunResult, 'outputs' | 'layerDivergences'> = {};

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
    const { rerunClient, comparesLayers } = this.#options;
    const { violation, data, batch } = hit;
    const { objective } = violation;
    const request = { ...this.#rerunRequest(hit), reference };
    const alone = await rerunClient.reproduce(objective, {
      ...request,
      batch: data,
      rows: 1,
      row: 0,
      explainsOrigin: true,
      comparesLayers,
    });
    const { origin, summary } = alone;
    const isPair = comparesModels(objective) || hit.transformed !== undefined;
    // Outputs of both models are evidence only for a violation that compares them.
    const { outputs, layerDivergences } = isPair ? alone : NO_PAIR_DETAILS;
    const reproduced = `${alone.matchingRuns}/${alone.totalRuns}`;
    if (alone.matchingRuns === alone.totalRuns) {
      const why = outputs === undefined ? undefined : await this.#flakinessReason(hit, alone);
      if (why !== undefined) return { reproduced, status: 'flaky', why, outputs };
      return { reproduced, status: 'confirmed', origin, summary, outputs, layerDivergences };
    }
    // A disagreement of two models must not depend on the size of the batch.
    if (outputs !== undefined) {
      const why = alone.matchingRuns > 0 ? undefined : `it shows in a batch of ${batch.rows} and not alone`;
      return { reproduced, status: 'flaky', ...(why === undefined ? {} : { why }), outputs };
    }
    if (alone.matchingRuns > 0 || batch.rows === 1 || this.#options.isUnbatched)
      return { reproduced, status: 'flaky' };
    const together = await rerunClient.reproduce(objective, {
      ...request,
      batch: batch.data,
      rows: batch.rows,
      row: batch.row,
    });
    const status = together.matchingRuns === together.totalRuns ? 'batch-dependent' : 'flaky';
    return { reproduced: `${together.matchingRuns}/${together.totalRuns}`, status };
  }

  /** How plausible a confirmed hit's input is; undefined if its values can't be varied. */
  async rateSeverity(hit: Hit): Promise<Severity | undefined> {
    const { rerunClient, seedSpan, imageFormats, hasPadding } = this.#options;
    // A variant would have to be transformed anew, and tokens have no values that lie near one another.
    if (hit.transformed !== undefined || hasPadding) return undefined;
    return severityOf(hit.data, seedSpan, imageFormats, (variant) =>
      rerunClient.runVariant({ ...this.#rerunRequest(hit), batch: variant, rows: 1, row: 0 }),
    );
  }

  /** Why a reproduced disagreement of two models does not count, a clause for people; undefined if it does. */
  async #flakinessReason(hit: Hit, alone: RerunResult): Promise<string | undefined> {
    const { violation, data } = hit;
    if (alone.isDeterministic === false) return 'the reference itself gives something else from run to run';
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
    const threaded = { ...request, loadOptions, batch: data, rows: 1, row: 0 };
    if ((await rerunClient.reproduce(violation.objective, threaded, 1)).matchingRuns === 0)
      return `it shows on one thread and not on ${CONTROL_THREADS}`;
    return undefined;
  }

  #rerunRequest({ violation: { signature, tensors }, label, transformed }: Hit) {
    const { objectives, modelPath, loadOptions, canTrace } = this.#options;
    return {
      model: modelPath,
      loadOptions,
      objectives,
      canTrace,
      expectedViolation: { signature, tensors },
      label,
      transformed,
    };
  }
}
