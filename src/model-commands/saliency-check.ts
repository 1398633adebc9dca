import { randomBytes } from 'node:crypto';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import { type Graph, type GraphNode, searchableGraph } from '../model/graph/graph.ts';
import type { ModelInfo } from '../model/model.ts';
import { type Explanations, geometryOfInput } from '../saliency/explain.ts';
import { findWeightLayers, type WeightLayer } from '../saliency/layers.ts';
import { compareMaps, isEmpty } from '../saliency/map.ts';
import type { Explanation } from '../saliency/method.ts';
import { saliencyMethod } from '../saliency/methods/registry.ts';
import { type Metric, type Similarity, WINDOW } from '../saliency/metrics.ts';
import type { Randomisation } from '../saliency/randomize/draw-weights.ts';
import {
  type Figures,
  figuresOf,
  halfOf,
  type Order,
  type StepFigures,
  stepsOf,
  type Verdict,
  verdictOf,
} from '../saliency/verdict.ts';
import { modelPath } from '../storage/load-options.ts';
import { availableCores } from '../workers/resource-limits.ts';
import { type ExplainOptions, noteLeftOut, type Prepared, prepareExplaining } from './explained-inputs.ts';
import { selectLayers } from './layer-patterns.ts';
import { explainCopies, type ModelCopy } from './model-copies.ts';
import { withSessions } from './with-sessions.ts';

/** Version of the object that `saliency-check --json` prints. */
const CHECK_VERSION = 1;

/** What `saliency-check` is asked for beside model and inputs. */
export interface CheckOptions extends ExplainOptions {
  readonly order: Order;
  readonly randomise: Randomisation;
  /** Random draws of each step. */
  readonly repeats: number;
  /** Patterns of names of layers; all layers by default. */
  readonly layers: readonly string[] | undefined;
  /** Path of a model that learned nothing, such as from shuffled labels, in place of randomised copies. */
  readonly against: string | undefined;
  /** The metric that judges. */
  readonly metric: Metric;
  /** Similarity that is accepted. */
  readonly most: number;
}

/** How one method fared. */
export interface MethodRow {
  readonly name: string;
  readonly isControl: boolean;
  readonly verdict: Verdict;
  /** The similarity that the verdict is of; null where no map could be compared. */
  readonly judged: Figures | null;
  /** Inputs without a map on the model itself: it is flat, or was refused. */
  readonly withoutMap: number;
  /** Largest completeness gap of a map, as a share; null for methods without one. */
  readonly gap: number | null;
  /** Maps of the model itself compared with those of a second run. */
  readonly ceiling: StepFigures;
  readonly steps: readonly StepFigures[];
}

/** Result of `saliency-check`. */
export interface CheckReport {
  readonly formatVersion: number;
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256'>;
  readonly against: string | null;
  readonly seed: string;
  readonly inputs: number;
  /** The tensor whose values are explained, and the class; null for the predicted one of each input. */
  readonly scores: string;
  readonly class: number | null;
  readonly order: Order | null;
  readonly randomise: Randomisation | null;
  readonly repeats: number;
  readonly metric: Metric;
  readonly most: number;
  /** Layers that are randomised when the verdict is taken; 0 with another model. */
  readonly judgedAfter: number;
  /** Seeds that accuracy is measured on, and whether by labels: else it is agreement with the model itself. */
  readonly seeds: number;
  readonly isLabelled: boolean;
  readonly accuracy: number;
  /** In the order in which they are randomised, with the accuracy after each step. */
  readonly layers: readonly { readonly name: string; readonly accuracy: number }[];
  readonly methods: readonly MethodRow[];
  readonly notOffered: Prepared['notOffered'];
}

/** What `saliency-check` found. */
export interface CheckResult {
  readonly report: CheckReport;
  readonly prepared: Prepared;
  /** Maps of the model itself, and of the first draw of each step. */
  readonly original: Explanations;
  readonly firstDraws: readonly Explanations[];
}

/** Whether a method that was asked for by name draws the picture and not the model. */
export function hasFailed({ methods }: CheckReport, named: readonly string[] | undefined): boolean {
  return methods.some(
    ({ name, verdict }) => named?.includes(name) === true && verdict === 'depends on the picture',
  );
}

/**
 * Compares maps of a model with those of copies whose weights are random, layer by layer, or with those of a model that learned
 * nothing (Adebayo et al. 2018; Adebayo, Gilmer, Goodfellow & Kim 2018).
 *
 * @throws UserError where nothing can be explained, or no layer has constant weights
 */
export async function checkSaliency(
  config: CampaignConfig,
  options: CheckOptions,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<CheckResult> {
  if (config.seeds === undefined) throw new UserError('there are no inputs to explain: set --seeds');
  const seed = config.seed ?? randomBytes(8).toString('hex');
  return withSessions(config, config.jobs ?? availableCores(), async (sessions) => {
    const [session] = sessions;
    // Other models are loaded in its place.
    const { info } = session;
    const steps = options.against === undefined ? stepsOf(layersOf(info, options), options.order) : [];
    const prepared = await prepareExplaining(session, { ...config, seed }, options, notices);
    noteLeftOut(prepared, notices);
    checkMetric(prepared, options.metric);
    const copies = copiesOf(steps, options, seed);
    const [original, again, ...others] = await explainCopies(sessions, config, prepared, copies, onProgress);
    const repeats = options.against === undefined ? options.repeats : 1;
    const drawsOf = (step: number) => others.slice(step * repeats, (step + 1) * repeats);
    const stepCount = Math.max(1, steps.length);
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    const methods = prepared.methods.map((name): MethodRow => {
      const maps = original.explanations[name];
      const compared = (copy: (typeof others)[number]) =>
        compareExplanations(maps, copy.explanations[name], prepared);
      const bySteps = Array.from({ length: stepCount }, (_, step) => drawsOf(step).flatMap(compared));
      const judged = figuresOf(judgedSteps(steps, options).flatMap((step) => bySteps[step]))[options.metric];
      const gaps = maps.flatMap((map) => ('map' in map && map.gap !== undefined ? [map.gap] : []));
      return {
        name,
        isControl: saliencyMethod(name).isControl === true,
        verdict: judged === null ? 'undecided' : verdictOf(judged, options.most),
        judged,
        withoutMap: maps.filter((map) => !isUsable(map)).length,
        gap: gaps.length === 0 ? null : Math.max(...gaps),
        ceiling: figuresOf(compared(again)),
        steps: bySteps.map(figuresOf),
      };
    });
    checkJudged(methods, original.explanations, options.methods);
    const { format, sha256 } = info;
    const report: CheckReport = {
      formatVersion: CHECK_VERSION,
      model: { path: modelPath(config).asGiven, format, sha256 },
      against: options.against ?? null,
      seed,
      inputs: prepared.inputs.length,
      scores: prepared.context.scores,
      class: options.classIndex ?? null,
      order: options.against === undefined ? options.order : null,
      randomise: options.against === undefined ? options.randomise : null,
      repeats,
      metric: options.metric,
      most: options.most,
      judgedAfter: options.against === undefined ? halfOf(steps) : 0,
      seeds: prepared.seeds.length,
      isLabelled: prepared.labels !== undefined,
      accuracy: original.accuracy,
      layers: Array.from({ length: stepCount }, (_, step) => ({
        name: options.against ?? nameOf(steps[step]),
        accuracy: mean(drawsOf(step).map(({ accuracy }) => accuracy)),
      })),
      methods,
      notOffered: prepared.notOffered,
    };
    const firstDraws = Array.from({ length: stepCount }, (_, step) => drawsOf(step)[0].explanations);
    return { report, prepared, original: original.explanations, firstDraws };
  });
}

/** @throws UserError where SSIM judges, and the maps are no pictures of one window at least */
function checkMetric({ context, inputs }: Prepared, metric: Metric): void {
  const hasWindows = inputs.every(({ data }) => {
    const { picture } = geometryOfInput(context, data);
    return picture !== undefined && Math.min(picture.height, picture.width) >= WINDOW;
  });
  if (metric === 'ssim' && !hasWindows)
    throw new UserError(
      `--metric: ssim compares pictures of ${WINDOW}×${WINDOW} pixels or more, which input ${context.descriptor.name} does not take: choose signed or abs`,
    );
}

/** @throws UserError where no method was judged, or one that was asked for by name */
function checkJudged(
  methods: readonly MethodRow[],
  maps: Explanations,
  named: readonly string[] | undefined,
): void {
  const asked = methods.filter(({ name, isControl }) => named?.includes(name) ?? !isControl);
  const silent = asked.filter(({ judged }) => judged === null);
  if (silent.length === 0 || (named === undefined && silent.length < asked.length)) return;
  const [{ name }] = silent;
  const first = maps[name].find((map) => !isUsable(map));
  const why =
    first === undefined ? 'the other models have none' : 'refusal' in first ? first.refusal : 'it is flat';
  throw new UserError(`${name} has no map on any input (${why}): there is nothing to judge`);
}

/** The layer that a step adds. */
function nameOf(step: readonly WeightLayer[]): string {
  return step[step.length - 1].name;
}

/** @throws UserError where no layer has constant weights, or none is among those that are named */
function layersOf(
  { graph, path, generation }: ModelInfo,
  { layers: patterns }: CheckOptions,
): readonly WeightLayer[] {
  const all = findWeightLayers(graph);
  if (all.length === 0) throw new UserError(`${path} ${whyNoLayer(graph, generation !== undefined)}`);
  return patterns === undefined ? all : selectLayers(all, patterns);
}

function whyNoLayer(graph: Graph, isGenerator: boolean): string {
  if (isGenerator)
    return 'writes text by running a network once a token, whose layers cannot be randomised: check the network without generate';
  const body = findWeightLayers(searchableGraph(graph)).length > 0 && graph.nodes.find(hasBodies);
  return body
    ? `has its weights in a body of ${body.op} (${body.name || body.outputs[0]}), and only layers of the main graph can be randomised`
    : 'has no layer with constant weights of two or more dimensions: there is nothing to randomise';
}

function hasBodies({ subgraphs = [] }: GraphNode): boolean {
  return subgraphs.length > 0;
}

/** Steps that the verdict is taken after: of layers that are randomised one by one, all of the first half. */
function judgedSteps(steps: readonly (readonly WeightLayer[])[], { order, against }: CheckOptions): number[] {
  if (against !== undefined) return [0];
  const half = halfOf(steps);
  return order === 'independent' ? Array.from({ length: half }, (_, step) => step) : [half - 1];
}

/** The model itself, once more, and each step with each draw. */
function copiesOf(
  steps: readonly (readonly WeightLayer[])[],
  { order, randomise, repeats, against }: CheckOptions,
  seed: string,
): ModelCopy[] {
  const itself: ModelCopy[] = [{ draws: 'first' }, { draws: 'second' }];
  if (against !== undefined) return [...itself, { draws: 'against', path: against }];
  return [
    ...itself,
    ...steps.flatMap((step, i) =>
      Array.from({ length: repeats }, (_, repeat) => ({
        draws: `${order} ${i} ${repeat}`,
        randomised: {
          constants: step.flatMap(({ constants }) => constants),
          draws: { kind: randomise, seed, repeat },
        },
      })),
    ),
  ];
}

/** Whether there is a map that says anything. */
function isUsable(explanation: Explanation): boolean {
  return 'map' in explanation && !isEmpty(explanation.map);
}

/** How maps of the inputs compare that have one on the model itself. */
function compareExplanations(
  original: readonly Explanation[],
  copy: readonly Explanation[],
  { inputs, context }: Prepared,
): Similarity[] {
  return original.flatMap((explanation, i) => {
    const other = copy[i];
    if (!('map' in explanation) || isEmpty(explanation.map) || !('map' in other)) return [];
    return [compareMaps(explanation.map, other.map, geometryOfInput(context, inputs[i].data))];
  });
}
