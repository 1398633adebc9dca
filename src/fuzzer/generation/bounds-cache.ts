import { BoundsTracker, isAnchored } from '../../constraints/bounds.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { ShapeSignature } from '../../model/testcase-batch.ts';
import type { TensorData } from '../../tensor/tensor.ts';

/** Bounds kept for each input, and their bytes: one for each seed would take too much memory for a folder of photographs. */
const MAX_CACHED_BOUNDS = 64;
const MAX_CACHED_BYTES = 64 << 20;

/** Bounds of each input around the ancestors used last. */
export class BoundsCache {
  readonly #descriptors: readonly InputDescriptor[];
  readonly #linf: number | undefined;
  readonly #bounds: readonly Map<string, BoundsTracker>[];

  /** @param linf the L∞ limit; undefined for none */
  constructor(descriptors: readonly InputDescriptor[], linf: number | undefined) {
    this.#descriptors = descriptors;
    this.#linf = linf;
    this.#bounds = descriptors.map(() => new Map());
  }

  /**
   * The legal values of an input's mutants.
   *
   * @param ancestor corpus entry that the mutants descend from
   * @param ancestorInput its values; not called where bounds do not depend on the ancestor
   */
  around(
    shape: ShapeSignature,
    input: number,
    ancestor: number,
    ancestorInput: () => TensorData,
  ): BoundsTracker {
    const { range, columns, fixed, strings } = this.#descriptors[input];
    const options = { range, columns, fixed, linf: strings === undefined ? this.#linf : undefined };
    const dependsOnAncestor = isAnchored(options);
    const cached = this.#bounds[input];
    const key = dependsOnAncestor ? `${ancestor}/${shape.key}` : shape.key;
    const known = cached.get(key);
    if (known !== undefined) return known;
    const { type, size } = shape.inputs[input];
    const bounds = new BoundsTracker(type, size, options);
    const bytes = bounds.low.byteLength + bounds.high.byteLength + (bounds.widths?.byteLength ?? 0);
    const most = Math.min(MAX_CACHED_BOUNDS, Math.floor(MAX_CACHED_BYTES / Math.max(1, bytes)));
    if (cached.size >= most) cached.clear();
    if (dependsOnAncestor) bounds.centreOn(ancestorInput());
    cached.set(key, bounds);
    return bounds;
  }
}
