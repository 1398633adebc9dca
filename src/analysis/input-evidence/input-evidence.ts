import type { InputEvidence } from '../../model/input-evidence.ts';
import type { Model } from '../../model/model.ts';
import { affinePrefix } from './affine-prefix.ts';
import { findComparedConstants, findReading, findStateReader } from './first-readers.ts';
import { readersByTensor } from './graph-flow.ts';
import { findLookupTable } from './lookup-rows.ts';
import { findMaskSites } from './mask-sites.ts';
import { rangeEvidence } from './range-evidence.ts';
import { findTreeSplits } from './tree-splits.ts';

/** Gathers what a model's graph says of the values of its inputs, in the model's order. */
export function gatherInputEvidence(model: Pick<Model, 'graph' | 'inputs' | 'constant'>): InputEvidence[] {
  const { graph } = model;
  const readers = readersByTensor(graph);
  const maskSites = findMaskSites(model);
  return model.inputs.map(({ name, shape }): InputEvidence => {
    const table = findLookupTable(graph, readers, name);
    const prefix = affinePrefix(model, readers, name);
    const isScalar = shape.every((size) => size === 1 || size === null) && shape.length <= 2;
    const compared = isScalar ? findComparedConstants(model, readers, name) : [];
    const splits = findTreeSplits(graph, readers, prefix, shape.at(-1) ?? undefined);
    const stateOf = findStateReader(readers, name);
    const readAs = findReading(model, readers, name);
    const maskedSites = maskSites.get(name);
    return {
      ...(table === undefined ? {} : { lookupRows: table.rows, isEmbedding: table.isEmbedding }),
      ...rangeEvidence(model, prefix, shape.length),
      ...(splits === undefined ? {} : { splits }),
      ...(compared.length === 0 ? {} : { comparedWith: compared }),
      ...(stateOf === undefined ? {} : { stateOf }),
      ...(readAs === undefined ? {} : { readAs }),
      ...(maskedSites === undefined ? {} : { maskedSites }),
    };
  });
}
