import picomatch from 'picomatch';
import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import type { BatchProbe } from './batched-model.ts';
import { findLogits } from './graph/find-logits.ts';
import {
  ComparableTensors,
  findLayerBefore,
  findValueOutputs,
  isLinearOutput,
} from './graph/output-layers.ts';
import { findLayers } from './graph/weighted-layers.ts';
import type { ModelInfo } from './model.ts';

/** The setting that chooses all layers with weights. */
export const ALL_LAYERS = 'layers';

/** Tensors that coverage watches, and the reason for choosing them. */
export interface WatchedTensors {
  readonly tensors: readonly string[];
  readonly why: string;
}

type WatchableModel = Pick<ModelInfo, 'graph' | 'outputs' | 'watchable' | 'generation'>;

/**
 * Resolves `--coverage` to tensors.
 *
 * @param coverage names and glob patterns (`block*\/relu`; `*` stops at a slash, `**` does not), or `auto` for the
 *   logits, else the layer before the output, else the output, or `layers` for the results of all layers with weights
 * @throws UserError if the model has no such tensor, or a pattern matches nothing
 */
export function resolveWatchedTensors(
  model: WatchableModel,
  coverage: string | readonly string[],
): WatchedTensors {
  const patterns = ([] as string[]).concat(coverage);
  if (patterns.length === 1 && patterns[0] === 'auto') return chooseWatchedTensors(model);
  if (patterns.length === 1 && patterns[0] === ALL_LAYERS && !model.watchable.includes(ALL_LAYERS)) {
    const shown = new Set(model.watchable);
    const layers = findLayers(model).filter((name) => shown.has(name));
    if (layers.length > 0) return { tensors: layers, why: `the model's ${plural(layers.length, 'layer')}` };
    throw new UserError(
      '--coverage layers: the model has no layer with weights; choose tensors by name, which neurofuzz inspect lists',
    );
  }
  const found = new Set<string>();
  for (const pattern of patterns) for (const name of matchTensors(model.watchable, pattern)) found.add(name);
  return { tensors: model.watchable.filter((name) => found.has(name)), why: 'chosen with --coverage' };
}

function matchTensors(watchable: readonly string[], pattern: string): readonly string[] {
  if (watchable.includes(pattern)) return [pattern];
  if (!/[*?[{(]/.test(pattern)) {
    throw new UserError(
      `--coverage: the model has no tensor ${pattern}: ${suggestName(pattern, watchable, 'neurofuzz inspect')}`,
    );
  }
  const matches = picomatch(pattern, { dot: true });
  const found = watchable.filter((name) => matches(name));
  if (found.length > 0) return found;
  throw new UserError(`--coverage: no tensor matches ${pattern}; neurofuzz inspect lists them`);
}

/** The tensors of `--coverage auto`: the first of the candidates. */
export function chooseWatchedTensors(model: WatchableModel): WatchedTensors {
  return coverageCandidates(model)[0];
}

/** Tensors that coverage watches at most where a model has many outputs. */
const MAX_OUTPUT_TENSORS = 8;

/**
 * What `--coverage auto` may watch, the best first: the logits of a classifier, else the outputs, or the layers before
 * those that an activation function bounds, else the first output. Later candidates are for models whose runs show that
 * an earlier one cannot be compared.
 */
export function coverageCandidates(model: WatchableModel): readonly [WatchedTensors, ...WatchedTensors[]] {
  if (model.generation !== undefined) {
    const { tensor, why } = model.generation.defaultCoverage;
    return [{ tensors: [tensor], why }];
  }
  const tensors = new ComparableTensors(model);
  const outputs = findValueOutputs(model);
  const logits = findLogits(model.graph);
  const floatOutputs = outputs.filter((output) => tensors.has(output));
  // Classes beside their scores tell nothing more.
  const compared = floatOutputs.length > 0 ? floatOutputs : outputs;
  const layers = compared.map((output) => watchLayer(tensors, output)).filter((layer) => layer !== undefined);
  const last = watchOutput({ outputs: compared });
  const candidates: WatchedTensors[] = [];
  if (logits !== undefined && tensors.has(logits.tensor))
    candidates.push({ tensors: [logits.tensor], why: logits.why });
  if (layers.length > 0) candidates.push(joinLayers(layers));
  const [first = last, ...others] = candidates;
  return first === last ? [last] : [first, ...others, last];
}

/** A tensor to watch for an output. */
interface OutputLayer {
  readonly tensor: string;
  readonly why: string;
}

function watchLayer(tensors: ComparableTensors, output: string): OutputLayer | undefined {
  if (tensors.has(output) && isLinearOutput(tensors, output))
    return { tensor: output, why: `the output ${output}, because no softmax leads to it` };
  const before = findLayerBefore(tensors, output);
  if (before !== undefined)
    return { tensor: before, why: `the layer before the output ${output}, because there is no softmax` };
  return tensors.has(output)
    ? { tensor: output, why: `the output ${output}, because no layer before it can be watched` }
    : undefined;
}

function joinLayers(layers: readonly OutputLayer[]): WatchedTensors {
  const byTensor = new Map(layers.map((layer) => [layer.tensor, layer]));
  const joined = [...byTensor.values()].slice(0, MAX_OUTPUT_TENSORS);
  if (joined.length === 1) return { tensors: [joined[0].tensor], why: joined[0].why };
  const { size } = byTensor;
  const which = size > joined.length ? `the first ${joined.length} of ${size}` : String(size);
  return {
    tensors: joined.map(({ tensor }) => tensor),
    why: `${which} outputs or the layers before them, because there is no softmax`,
  };
}

/** Magnitude above which values are those of masks: a squared length of it leaves single precision. */
const MAX_COMPARABLE_MAGNITUDE = 1e15;

/**
 * The first candidate that has a row for each testcase and no values of masks; where none is such, the first that can be
 * watched at all.
 *
 * @param probe runs one testcase with the tensors watched
 * @throws the error of the last candidate where none can be watched
 */
export async function selectCandidate<P extends BatchProbe>(
  candidates: readonly WatchedTensors[],
  probe: (tensors: readonly string[]) => Promise<P>,
): Promise<{ readonly watched: WatchedTensors; readonly probed: P }> {
  let usable: { readonly watched: WatchedTensors; readonly probed: P } | undefined;
  let failure: unknown;
  for (const watched of candidates) {
    try {
      const probed = await probe(watched.tensors);
      const isComparable = probed.largestMagnitude <= MAX_COMPARABLE_MAGNITUDE;
      if (probed.batchLimitReason === undefined && isComparable) return { watched, probed };
      usable ??= { watched, probed };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failure = error;
    }
  }
  if (usable === undefined) throw failure;
  return usable;
}

/** The output, for models in which nothing better can be watched. */
function watchOutput({ outputs }: Pick<WatchableModel, 'outputs'>): WatchedTensors {
  return {
    tensors: [outputs[0]],
    why: 'the output, because there is no softmax, and no layer before it can be watched',
  };
}
