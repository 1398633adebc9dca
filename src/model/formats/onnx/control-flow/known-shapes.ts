import type * as ort from 'onnxruntime-node';
import type { InputInvariants } from '../../../model.ts';
import { longToNumber, type OnnxGraph, type OnnxModel, type OnnxValue } from '../proto.ts';
import { changed } from './bodies.ts';
import type { KnownSizes } from './conditions.ts';
import { encodeModel } from './encode-model.ts';

/** Shapes of a graph's inputs, as it declares them and as they are in all runs. */
export function inputShapes(
  { input }: OnnxGraph,
  shapes: InputInvariants['shapes'],
): Map<string, KnownSizes> {
  return new Map(
    input.flatMap(({ name, type }): [string, KnownSizes][] => {
      const invariant = shapes[name]?.map((size) => size ?? undefined);
      const declared = type?.tensorType?.shape?.dim.map(({ dimValue, dimParam }) =>
        // Exporters write 0 for a free dimension.
        dimParam || !dimValue ? undefined : longToNumber(dimValue) || undefined,
      );
      const known = declared?.map((size, axis) => size ?? invariant?.[axis]) ?? invariant;
      return known === undefined ? [] : [[name, known]];
    }),
  );
}

/**
 * Shapes of computed tensors, as far as the runtime infers them from those of the inputs.
 *
 * @param tensors of the main graph
 * @param inputs shapes of the inputs
 */
export async function inferredShapes(
  model: OnnxModel,
  tensors: readonly string[],
  inputs: ReadonlyMap<string, KnownSizes>,
  open: (bytes: Uint8Array) => Promise<ort.InferenceSession>,
): Promise<Map<string, KnownSizes>> {
  const { graph } = model;
  if (graph === null) return new Map();
  const shaped = changed(graph, {
    input: graph.input.map((value) => withShape(value, inputs.get(value.name))),
    output: tensors.map((name) => ({ name }) as OnnxValue),
  });
  try {
    const session = await open(encodeModel(changed(model, { graph: shaped })));
    const found = session.outputMetadata.flatMap((metadata): [string, KnownSizes][] => {
      // A tensor of unknown rank has no dimensions either.
      if (!metadata.isTensor || metadata.shape.length === 0) return [];
      return [[metadata.name, metadata.shape.map((size) => (typeof size === 'number' ? size : undefined))]];
    });
    await session.release();
    return new Map(found);
  } catch {
    // Conditions on those shapes are left to the run.
    return new Map();
  }
}

function withShape(value: OnnxValue, sizes: KnownSizes | undefined): OnnxValue {
  const tensorType = value.type?.tensorType;
  if (!tensorType || sizes === undefined) return value;
  const dim = sizes.map((dimValue) => (dimValue === undefined ? {} : { dimValue }));
  return changed(value, { type: { tensorType: { elemType: tensorType.elemType, shape: { dim } } } });
}
