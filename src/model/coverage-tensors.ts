import picomatch from 'picomatch';
import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { findLogits } from './graph/find-logits.ts';
import { producersByTensor } from './graph/graph.ts';
import { LAYOUT_OPS } from './graph/layout-ops.ts';
import type { ModelInfo } from './model.ts';

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
 *   logits, else the layer before the output, else the output
 * @throws UserError if the model has no such tensor, or a pattern matches nothing
 */
export function resolveWatchedTensors(
  model: WatchableModel,
  coverage: string | readonly string[],
): WatchedTensors {
  const patterns = ([] as string[]).concat(coverage);
  if (patterns.length === 1 && patterns[0] === 'auto') return chooseWatchedTensors(model);
  const found = new Set<string>();
  for (const pattern of patterns) for (const name of matchTensors(model.watchable, pattern)) found.add(name);
  return { tensors: model.watchable.filter((name) => found.has(name)), why: 'as asked for' };
}

function matchTensors(watchable: readonly string[], pattern: string): readonly string[] {
  if (watchable.includes(pattern)) return [pattern];
  if (!/[*?[{(]/.test(pattern)) {
    throw new UserError(
      `--coverage: the model has no tensor ${pattern}: ${suggestName(pattern, watchable)}; neurofuzz inspect lists them`,
    );
  }
  const matches = picomatch(pattern, { dot: true });
  const found = watchable.filter((name) => matches(name));
  if (found.length > 0) return found;
  throw new UserError(`--coverage: no tensor matches ${pattern}; neurofuzz inspect lists them`);
}

/** The tensors of `--coverage auto`. */
export function chooseWatchedTensors(model: WatchableModel): WatchedTensors {
  if (model.generation !== undefined) {
    const { tensor, why } = model.generation.defaultCoverage;
    return { tensors: [tensor], why };
  }
  const logits = findLogits(model.graph);
  if (logits !== undefined && model.watchable.includes(logits.tensor)) {
    return { tensors: [logits.tensor], why: logits.why };
  }
  const [output] = model.outputs;
  const before = findLayerBefore(model, output);
  if (before !== undefined) {
    return { tensors: [before], why: `the layer before the output ${output}, since there is no softmax` };
  }
  return watchOutput(model);
}

/** The output, for models in which nothing better can be watched. */
export function watchOutput({ outputs }: Pick<WatchableModel, 'outputs'>): WatchedTensors {
  return { tensors: [outputs[0]], why: 'the output, since no softmax and no layer before it can be watched' };
}

/** Operations that only rearrange or convert their input's values: they do not count as a layer. */
const REARRANGING_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Cast', 'DequantizeLinear']);

function findLayerBefore({ graph, watchable }: WatchableModel, output: string): string | undefined {
  const producers = producersByTensor(graph);
  const canWatch = new Set(watchable);
  let tensor: string | undefined = output;
  for (let hops = 0; hops < 8; hops++) {
    const node = producers.get(tensor);
    const before: string | undefined = node?.inputs.find((name) => canWatch.has(name) && producers.has(name));
    if (node === undefined || before === undefined) return undefined;
    if (!REARRANGING_OPS.has(node.op)) return before;
    tensor = before;
  }
  return undefined;
}
