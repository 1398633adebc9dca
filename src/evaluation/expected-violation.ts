import type { Model } from '../model/model.ts';
import { type Violation, withoutVerdict } from '../objectives/objective.ts';

/** The violation that a rerun is expected to reproduce. */
export interface ExpectedViolation {
  readonly signature: string;
  /** Tensors in which the violation was found. */
  readonly tensors: readonly string[];
}

/**
 * Whether a violation is the expected one, by the operation or by the tensor that its signature names. What judges said of it does not
 * matter: they are not asked again.
 */
export function isExpected(
  { signature, symptom }: Pick<Violation, 'signature' | 'symptom'>,
  expected: Pick<ExpectedViolation, 'signature'>,
): boolean {
  return (
    signature === expected.signature ||
    symptom === expected.signature ||
    signature === withoutVerdict(expected.signature)
  );
}

/** The inner tensors, neither inputs nor outputs, that a run must expose for the violation to be seen. */
export function innerTensorsOf(
  { tensors }: ExpectedViolation,
  { inputs, outputs }: Pick<Model, 'inputs' | 'outputs'>,
): string[] {
  const available = new Set([...outputs, ...inputs.map(({ name }) => name)]);
  return tensors.filter((name) => !available.has(name));
}
