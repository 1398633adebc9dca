import type { BatchResult } from '../model/batched-model.ts';

/**
 * What a criterion knows of the reference inputs, by name: plain data, which every worker of a campaign gets. The reference
 * inputs are the seeds, or training inputs that `--coverage-reference` names.
 */
export type CoverageReference = Readonly<Record<string, Float32Array>>;

/** Collects a criterion's reference from runs of the model on the reference inputs. */
export interface ReferenceCollector {
  /** @throws UserError where the criterion does not suit the model */
  add(result: BatchResult): void;
  /** @throws UserError where the runs so far do not suffice */
  finish(): CoverageReference;
}

/** A part of a reference that its collector has written. */
export function referencePart(reference: CoverageReference | undefined, name: string): Float32Array {
  const part = reference?.[name];
  if (part === undefined) throw new Error(`the coverage reference has no ${name}`);
  return part;
}
