import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { InputConfig, ModelConfig } from '../config/schema.ts';
import { producersByTensor } from '../model/graph/graph.ts';
import { HALF_MAX, type HalfFormat } from '../model/half.ts';
import type { ModelInfo } from '../model/model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { withModelSession } from '../workers/model-session.ts';
import { readSeeds } from './read-seeds.ts';

/** How far a tensor is from overflowing in half precision. */
export interface TensorHeadroom {
  readonly tensor: string;
  /** The operation that computes it; `input` for an input of the model. */
  readonly op: string;
  /** The largest magnitude over the seeds; null where a value is not finite. */
  readonly largest: number | null;
  /** The largest number of the format over that; null for a tensor of zeros. 1 and less overflows. */
  readonly headroom: number | null;
}

/** Tensors by their headroom over the seeds, the least first. */
export interface Headroom {
  readonly format: HalfFormat;
  /** The largest number of the format. */
  readonly max: number;
  readonly seeds: number;
  readonly tensors: readonly TensorHeadroom[];
}

/**
 * Measures how much larger the values of a model's tensors may get before they overflow in half precision: in the format
 * that it computes in, in float16 where it is of another.
 *
 * @throws UserError where the model can't be loaded or run, or the seeds can't be read
 */
export function measureHeadroom(config: ModelConfig & InputConfig, notices: Notices): Promise<Headroom> {
  return withModelSession(config, async (session) => {
    const model = session.info;
    const { seeds } = await readSeeds(model, config, notices);
    const tensors = floatTensors(model);
    const largest = await session.largestMagnitudes(seeds, tensors);
    const format = model.half?.format ?? 'float16';
    const producers = producersByTensor(model.graph);
    const rows = tensors.flatMap((tensor): TensorHeadroom[] => {
      const magnitude = largest.get(tensor);
      if (magnitude === undefined) return [];
      return [
        {
          tensor,
          op: producers.get(tensor)?.op ?? 'input',
          largest: Number.isFinite(magnitude) ? magnitude : null,
          headroom: magnitude === 0 ? null : HALF_MAX[format] / magnitude,
        },
      ];
    });
    const rank = ({ headroom }: TensorHeadroom): number => headroom ?? Number.POSITIVE_INFINITY;
    return {
      format,
      max: HALF_MAX[format],
      seeds: seeds.length,
      tensors: rows.sort((a, b) => rank(a) - rank(b) || 0),
    };
  });
}

/** Inputs and watchable tensors that are floats, or may be. */
function floatTensors({ inputs, watchable, graph }: ModelInfo): string[] {
  const isFloat = (name: string): boolean => {
    const type = graph.types.get(name);
    return type === undefined || DTYPES[type].kind === 'float';
  };
  const floatInputs = inputs.filter(
    ({ type, strings }) => strings === undefined && DTYPES[type].kind === 'float',
  );
  return [...floatInputs.map(({ name }) => name), ...watchable.filter(isFloat)];
}
