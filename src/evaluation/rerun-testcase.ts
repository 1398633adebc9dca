import {
  divergenceText,
  firstDivergence,
  type LayerDivergences,
  measureLayerDivergences,
} from '../analysis/layer-divergence.ts';
import type { Origin, OriginDetails } from '../analysis/nonfinite-localizer.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { sliceTestcases } from '../model/testcase-batch.ts';
import type { Objective, Violation } from '../objectives/objective.ts';
import { type AttributedViolation, Attributor } from './attributor.ts';
import { type BrokenState, findBrokenState } from './broken-state.ts';
import { type ExpectedViolation, isExpected } from './expected-violation.ts';
import { type PairOutputs, pairOutputsOf } from './pair-outputs.ts';
import { type RerunContext, type RerunTestcase, rerunOnce } from './rerun-once.ts';

/** Result of running a testcase again several times. */
export interface RerunResult {
  /** Runs with the expected signature. */
  readonly matchingRuns: number;
  readonly totalRuns: number;
  /** Signatures in runs without the expected one. */
  readonly otherSignatures: readonly string[];
  /** The operation that causes the violation, if requested and found. */
  readonly origin?: OriginDetails | undefined;
  /** Summary of the violation, with that operation's operands where they are known. */
  readonly summary?: string | undefined;
  /** The violation of the first matching run. */
  readonly violation?: Violation | undefined;
  /** Outputs of both models, or for the testcase and its transform, in the first run. */
  readonly outputs?: PairOutputs | undefined;
  /** For two models, if requested: divergence layer by layer. */
  readonly layerDivergences?: LayerDivergences | undefined;
  /** For two models: whether the reference's outputs are bit-identical in all runs. */
  readonly isDeterministic?: boolean | undefined;
}

/** A testcase to run again, with what to find out about it. */
export interface RerunRequest extends RerunTestcase {
  /** Whether there is memory for tracing; without, violations are not attributed to operations. */
  readonly canTrace: boolean;
  /** Whether to compare two models layer by layer. */
  readonly comparesLayers?: boolean;
  /** Whether to read the operands of the operation that causes the violation. */
  readonly explainsOrigin?: boolean;
}

/**
 * Runs a testcase again and counts the runs with the expected violation. A run that the runtime fails is a violation
 * too. Inner tensors are exposed only if the violation is in one, because exposing them may change the result.
 *
 * @param heartbeat called after each run
 */
export async function rerunTestcase(
  model: BatchedModel,
  objectives: readonly Objective[],
  expected: ExpectedViolation,
  request: RerunRequest,
  runs: number,
  heartbeat: () => void = () => {},
): Promise<RerunResult> {
  const { batch, row, explainsOrigin = false, comparesLayers = false } = request;
  const attributor = new Attributor(model, request.canTrace);
  const results: BatchResult[] = [];
  const attributed = new Map<string, AttributedViolation>();
  const { canTrace } = request;
  const context: RerunContext = { model, objectives, expected, attributor, canTrace, attributed, results };
  const isSame = ({ violation }: AttributedViolation): boolean => isExpected(violation, expected);
  const otherSignatures = new Set<string>();
  let origin: Origin | undefined;
  let violation: Violation | undefined;
  let matchingRuns = 0;
  for (let n = 0; n < runs; n++) {
    const violations = await rerunOnce(context, request);
    const same = violations.find(isSame);
    origin ??= same?.origin;
    violation ??= same?.violation;
    if (same !== undefined) matchingRuns++;
    else for (const other of violations) otherSignatures.add(other.violation.signature);
    heartbeat();
  }
  const testcase = sliceTestcases(batch, row, row + 1);
  const details =
    explainsOrigin && origin !== undefined ? await attributor.describeOrigin(origin, testcase) : undefined;
  const brokenState =
    explainsOrigin && violation?.details.outputsFinite === false
      ? await findBrokenState(model.model, model.feeds(testcase, 1))
      : undefined;
  const layerDivergences = comparesLayers ? await layerDivergencesAt(model, testcase, heartbeat) : undefined;
  return {
    matchingRuns,
    totalRuns: runs,
    otherSignatures: [...otherSignatures],
    ...(details === undefined ? {} : { origin: details }),
    ...(violation === undefined
      ? {}
      : {
          summary: [
            explainViolation(objectives, violation, details).summary,
            ...brokenStateClauses(brokenState),
            ...divergenceClauses(layerDivergences),
          ].join('; '),
          violation,
        }),
    ...(layerDivergences === undefined ? {} : { layerDivergences }),
    ...pairOutputsOf(results, row),
  };
}

/** That a state stays broken, for the summary. */
function brokenStateClauses(state: BrokenState | undefined): string[] {
  if (state === undefined) return [];
  return [
    `state output ${state.output} is broken for good: given back as ${state.input}, it stays so on zeros`,
  ];
}

/** The first layer in which two models differ, for the summary; none where that is not known. */
function divergenceClauses(divergences: LayerDivergences | undefined): string[] {
  const layer = divergences?.layers.find(({ tensor }) => tensor === divergences.first);
  if (divergences === undefined || layer === undefined) return [];
  return [`the first layer that departs is ${firstDivergence(divergences)}: ${divergenceText(layer)}`];
}

/** Adds the operands of the operation that causes a violation to its summary, where they are known. */
function explainViolation(
  objectives: readonly Objective[],
  violation: Violation,
  origin: OriginDetails | undefined,
): Violation {
  const objective = objectives.find(({ name }) => name === violation.objective);
  return origin === undefined ? violation : (objective?.explain?.(violation, origin) ?? violation);
}

/** Divergence of two models on one testcase; undefined without a second model, or if layers can't be exposed. */
async function layerDivergencesAt(
  model: BatchedModel,
  testcase: TestcaseBatch,
  heartbeat: () => void,
): Promise<LayerDivergences | undefined> {
  const { secondModel } = model.model;
  if (secondModel === undefined) return undefined;
  const feeds = model.feeds(testcase, 1);
  try {
    return await measureLayerDivergences(
      model.model,
      secondModel,
      [[feeds, secondModel.feeds(feeds)]],
      undefined,
      heartbeat,
    );
  } catch {
    // Both models run; only a session with exposed tensors fails.
    return undefined;
  }
}
