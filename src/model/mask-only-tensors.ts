import { DTYPES, readNumber, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { searchableGraph } from './graph/graph.ts';
import { findMaskOnlyTensors } from './graph/masks.ts';
import type { Model } from './model.ts';

/** Values down from here are those of masks: −∞, or the least finite number, which exports write for it. */
export const MAX_MASK_VALUE = -1e30;

/** Constants above this size are weights. */
const MAX_MASK_VALUES = 1 << 24;

/**
 * A test whether −∞ in an inner tensor of a model is a mask, that is, left out of a softmax or a maximum. The graph is
 * searched, and its constants are read, when the test is first asked.
 */
export function maskOnlyTest(model: Pick<Model, 'graph' | 'constant'>): (tensor: string) => boolean {
  let found: ReadonlySet<string> | undefined;
  return (tensor) => {
    found ??= findMaskOnlyTensors(searchableGraph(model.graph), (name) => isMaskConstant(model, name));
    return found.has(tensor);
  };
}

function isMaskConstant(model: Pick<Model, 'graph' | 'constant'>, name: string): boolean {
  const graph = searchableGraph(model.graph);
  const small = graph.values.get(name);
  if (small !== undefined) return small.some((value) => value <= MAX_MASK_VALUE);
  if (sizeOf(graph.constants.get(name) ?? []) > MAX_MASK_VALUES) return false;
  const tensor = model.constant(name);
  return tensor !== undefined && holdsMaskValue(tensor);
}

function holdsMaskValue({ type, data }: Tensor): boolean {
  if (DTYPES[type].kind !== 'float') return false;
  for (let i = 0; i < data.length; i++) if (readNumber(type, data, i) <= MAX_MASK_VALUE) return true;
  return false;
}
